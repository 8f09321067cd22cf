/*
 * What the moves have in common. A keeper opens files and holds them still; a mover, its child, moves descriptors of
 * the same files. Whatever moves has a cell in shared memory, in which the mover says what it will be before each
 * system call and what it is after it, so that a reader knows everything that it may have been since a moment.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { NONE, X, Y, Z, E, E2, FILES = 8, CELLS = 16 };
/* Who holds a descriptor: the keeper, the mover, or whatever process the mover starts. */
enum { KEEPER = 1, MOVER = 2, BOTH = 3, BORN = 4 };
/* The number under which a file is open until everybody has what he is to hold. */
#define MASTER(file) (200 + (file))

struct cell {
  _Atomic unsigned next, now, said[FILES]; /* said: how often it was announced */
};
struct shared {
  _Atomic unsigned stage, moves;
  struct cell cells[CELLS];
};
extern struct shared *shared;

struct move {
  const char *name;
  int side;                        /* whether the mover is one process (MOVER) or many (BORN) */
  void (*setup)(const char *kind); /* in the keeper, before the mover is there */
  void (*step)(void);              /* in the mover, after each rest */
};
extern const struct move moves[];

/* The scene: all of it is set up in the keeper and printed once the mover is there. */
void open_file(int file, const char *kind); /* on an inode of its own */
void take_file(int file, const char *kind, int class, int fd); /* class: one of an inode; 0 where that says nothing */
void open_three(const char *kind);         /* X, Y, Z: of one inode, where the kind allows it */
void item(int efile, int data, int tfd, int file, int cell); /* registers it under a number that is closed again */
void hold(int who, int fd, int file);      /* a descriptor that never changes */
int cell(int fd, int file);                /* one of the mover that does; fd -1: a state that is no descriptor */
void say(const char *format, int a, int b); /* a line for the reader */
void ask(const char *question, int who, int fd, int other, int moves); /* moves: what is asked about does so itself */

/* The moves. */
unsigned below(unsigned limit);
void rest(void);
void announce(int cell, int state);
void arrive(int cell, int state);
void become(int cell, int from, int file); /* by dup2(2) */
void vanish(int cell);                     /* by close(2) */
_Noreturn void again(void);                /* execve(2) of the mover by itself */
_Noreturn void die(const char *what);
