/*
 * What the references share. Each is the plain way to do one job in C, as a function of a shared
 * library, so that the bench can run it in turn with the package's own in one process.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <linux/kcmp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a reference did; the bench reads it as six 64-bit numbers. */
struct counts {
  int64_t descriptors;
  int64_t groups;  /* of two holders or more */
  int64_t holders; /* in those groups */
  int64_t kcmp_calls;
  int64_t proc_reads; /* paths looked up below /proc */
  int64_t errors;     /* kcmp calls that failed: a scene must hold still */
};

struct descriptor {
  unsigned long dev, ino;
  int pid, fd;
};

struct list {
  struct descriptor *items;
  size_t length, capacity;
};

/* Appends every descriptor of a process, with its inode when asked for. */
int read_descriptors(struct list *list, int pid, int with_inode, struct counts *counts);

/* Sorts by KCMP_FILE, in the order of the kernel. */
void sort_by_file(struct descriptor *items, size_t length, struct counts *counts);

/* Counts the runs of one description in a sorted array. */
void count_groups(const struct descriptor *items, size_t length, struct counts *counts);

#endif
