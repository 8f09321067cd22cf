/*
 * What glibc's libstdc++ and libgcc want of glibc beyond musl, so that they can stand in for the ones of a musl
 * distribution, which Debian does not have. Thread-local destructors do not run; nothing here needs them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

char __libc_single_threaded = 0;

/* Processor features, which libgcc's own code asks for and nobody needs. */
unsigned int __cpu_model[4];
int __cpu_indicator_init(void) { return 0; }

int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *dso) {
  (void)destroy, (void)object, (void)dso;
  return 0;
}

size_t strftime_l(char *, size_t, const char *, const void *, void *);
size_t __strftime_l(char *to, size_t size, const char *format, const void *time, void *locale) {
  return strftime_l(to, size, format, time, locale);
}

int getentropy(void *, size_t);
uint32_t arc4random(void) {
  uint32_t value = 0;
  getentropy(&value, sizeof value);
  return value;
}

/* Where the unwinder finds the tables of the code at an address. */
struct search {
  uintptr_t pc;
  struct dl_find_object *found;
};

static int visit(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  struct search *search = data;
  void *eh_frame = NULL;
  uintptr_t start = 0, end = 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    uintptr_t from = info->dlpi_addr + header->p_vaddr;
    if (header->p_type == PT_GNU_EH_FRAME) eh_frame = (void *)from;
    if (header->p_type == PT_LOAD && search->pc >= from && search->pc < from + header->p_memsz) start = from, end = from + header->p_memsz;
  }
  if (end == 0 || eh_frame == NULL) return 0;
  *search->found = (struct dl_find_object){ .dlfo_map_start = (void *)start, .dlfo_map_end = (void *)end, .dlfo_eh_frame = eh_frame };
  return 1;
}

int _dl_find_object(void *pc, struct dl_find_object *found) {
  struct search search = { (uintptr_t)pc, found };
  return dl_iterate_phdr(visit, &search) == 1 ? 0 : -1;
}
