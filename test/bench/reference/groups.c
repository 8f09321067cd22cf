/* Grouping the descriptors of many processes by their open file description, in the two plain ways. */
#define _GNU_SOURCE
#include "reference.h"
#include <stdlib.h>

/* One sort of everything by kcmp. */
int group_by_sort(const int *pids, int length, struct counts *counts) {
  struct list list = {0};
  for (int i = 0; i < length; i++)
    if (read_descriptors(&list, pids[i], 0, counts) == -1) return -1;
  sort_by_file(list.items, list.length, counts);
  count_groups(list.items, list.length, counts);
  free(list.items);
  return 0;
}

static int by_inode(const void *left, const void *right) {
  const struct descriptor *a = left, *b = right;
  if (a->ino != b->ino) return a->ino < b->ino ? -1 : 1;
  return (a->dev > b->dev) - (a->dev < b->dev);
}

/* A sort by inode, then kcmp inside an inode. */
int group_by_inode(const int *pids, int length, struct counts *counts) {
  struct list list = {0};
  for (int i = 0; i < length; i++)
    if (read_descriptors(&list, pids[i], 1, counts) == -1) return -1;
  qsort(list.items, list.length, sizeof *list.items, by_inode);
  for (size_t start = 0, end; start < list.length; start = end) {
    end = start + 1;
    while (end < list.length && by_inode(&list.items[start], &list.items[end]) == 0) end++;
    if (end - start < 2) continue;
    sort_by_file(list.items + start, end - start, counts);
    count_groups(list.items + start, end - start, counts);
  }
  free(list.items);
  return 0;
}
