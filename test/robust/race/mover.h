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
/* Who holds a descriptor: the keeper, the mover, whatever process the mover starts, or the one that it starts first. */
enum { KEEPER = 1, MOVER = 2, BOTH = 3, BORN = 4, TWIN = 8 };
/* The number under which a file is open until everybody has what he is to hold. */
#define MASTER(file) (200 + (file))

struct cell {
  _Atomic unsigned next, now, said[FILES]; /* said: how often it was announced */
};
struct shared {
  _Atomic unsigned stage, moves, request, twin;
  struct cell cells[CELLS];
};
extern struct shared *shared;

struct move {
  const char *name;
  int side;                        /* whether the mover is one process (MOVER) or many (BORN) */
  void (*setup)(const char *kind); /* in the keeper, before the mover is there */
  void (*begin)(void);             /* in the mover, before it is described */
  void (*step)(void);              /* in the mover, after each rest */
};
extern const struct move moves[];
void chain_setup(const char *), pass_setup(const char *), dumpable_setup(const char *), exec_setup(const char *);
void chain(void), pass_begin(void), pass(void), dumpable(void), exec(void);

/* The scene: all of it is set up in the keeper and printed once the mover is there. */
void open_file(int file, const char *kind); /* on an inode of its own */
void open_three(const char *kind);          /* X, Y, Z: of one inode, where the kind is of one */
/* Takes a descriptor for a file. Files of one class are of one inode; 0 where inodes say nothing. */
void take_file(int file, const char *kind, int class, int fd);
/* Registers a file at an instance, under a number that is closed again; a cell tells whether it is there. */
void item(int efile, int data, int tfd, int file, int cell);
void watch(int who);                  /* makes an instance with some items, held as fd 90 */
void hold(int who, int fd, int file); /* a descriptor that never changes */
int cell(int who, int fd, int file);  /* one that does; fd -1: a state that is no descriptor */
/* What there is to be asked; does what is asked about move itself? */
void ask(const char *question, int who, int fd, int other, int moves);
void say(const char *format, int a, int b); /* any other line */

/* The moves. */
unsigned below(unsigned limit);
void rest(void);
void announce(int cell, int state);
void arrive(int cell, int state);
void become(int cell, int from, int file); /* by dup2(2) */
void vanish(int cell);                     /* by close(2) */
_Noreturn void again(void);                /* execve(2) of the mover by itself */
int sure(int result, const char *what);    /* or dies */
_Noreturn void die(const char *what);
