/* Listing the unix sockets of a network namespace: one dump, each message taken apart into a record. */
#define _GNU_SOURCE
#include "reference.h"
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct record {
  uint32_t ino, peer, vfs_ino, vfs_dev, rqueue, wqueue, uid;
  uint8_t type, state, shutdown;
  char *name;
};

static void take(struct record *record, const struct nlmsghdr *header) {
  const struct unix_diag_msg *message = NLMSG_DATA(header);
  const char *at = (const char *)(message + 1), *end = (const char *)header + header->nlmsg_len;
  *record = (struct record){.ino = message->udiag_ino, .type = message->udiag_type, .state = message->udiag_state};
  while (end - at >= NLA_HDRLEN) {
    const struct nlattr *attribute = (const struct nlattr *)at;
    const void *value = at + NLA_HDRLEN;
    const uint32_t *words = value;
    switch (attribute->nla_type) {
    case UNIX_DIAG_NAME: record->name = strndup(value, attribute->nla_len - NLA_HDRLEN); break;
    case UNIX_DIAG_VFS: record->vfs_ino = words[0], record->vfs_dev = words[1]; break;
    case UNIX_DIAG_PEER: record->peer = words[0]; break;
    case UNIX_DIAG_RQLEN: record->rqueue = words[0], record->wqueue = words[1]; break;
    case UNIX_DIAG_SHUTDOWN: record->shutdown = *(const uint8_t *)value; break;
    case UNIX_DIAG_UID: record->uid = words[0]; break;
    }
    at += NLA_ALIGN(attribute->nla_len);
  }
}

int list_unix(struct counts *counts) {
  static char buffer[65536];
  struct {
    struct nlmsghdr header;
    struct unix_diag_req body;
  } request = {
    {sizeof request, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0},
    {.sdiag_family = AF_UNIX, .udiag_states = -1, .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID},
  };
  struct record *records = NULL;
  size_t length = 0, capacity = 0;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), done = 0;
  if (fd == -1 || write(fd, &request, sizeof request) == -1) return -1;
  while (!done) {
    int left = read(fd, buffer, sizeof buffer);
    if (left <= 0) return -1;
    for (struct nlmsghdr *header = (struct nlmsghdr *)buffer; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type == NLMSG_DONE) done = 1;
      if (header->nlmsg_type == NLMSG_ERROR) counts->errors++, done = 1;
      if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY) continue;
      if (length == capacity) {
        capacity = capacity == 0 ? 1024 : capacity * 2;
        records = realloc(records, capacity * sizeof *records);
        if (records == NULL) abort();
      }
      take(&records[length++], header);
    }
  }
  close(fd);
  counts->descriptors = length;
  for (size_t i = 0; i < length; i++) {
    counts->holders += records[i].peer != 0;
    free(records[i].name);
  }
  free(records);
  return 0;
}
