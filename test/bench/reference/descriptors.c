/* Reading, sorting and grouping of descriptors, for the references. */
#define _GNU_SOURCE
#include "reference.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int read_descriptors(struct list *list, int pid, int with_inode, struct counts *counts) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/fd", pid);
  DIR *dir = opendir(path);
  counts->proc_reads++;
  if (dir == NULL) return -1;
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    struct descriptor item = {.pid = pid, .fd = atoi(entry->d_name)};
    if (with_inode) {
      struct stat status;
      counts->proc_reads++;
      if (fstatat(dirfd(dir), entry->d_name, &status, 0) == -1) continue;
      item.dev = status.st_dev;
      item.ino = status.st_ino;
    }
    if (list->length == list->capacity) {
      list->capacity = list->capacity == 0 ? 1024 : list->capacity * 2;
      list->items = realloc(list->items, list->capacity * sizeof item);
      if (list->items == NULL) abort();
    }
    list->items[list->length++] = item;
    counts->descriptors++;
  }
  closedir(dir);
  return 0;
}

static int by_file(const void *left, const void *right, void *context) {
  const struct descriptor *a = left, *b = right;
  struct counts *counts = context;
  counts->kcmp_calls++;
  switch (syscall(SYS_kcmp, a->pid, b->pid, KCMP_FILE, a->fd, b->fd)) {
  case 0: return 0;
  case 1: return -1;
  case 2: return 1;
  default: counts->errors++; return 0;
  }
}

void sort_by_file(struct descriptor *items, size_t length, struct counts *counts) {
  qsort_r(items, length, sizeof *items, by_file, counts);
}

void count_groups(const struct descriptor *items, size_t length, struct counts *counts) {
  for (size_t start = 0, end; start < length; start = end) {
    end = start + 1;
    while (end < length && by_file(&items[start], &items[end], counts) == 0) end++;
    if (end - start < 2) continue;
    counts->groups++;
    counts->holders += end - start;
  }
}
