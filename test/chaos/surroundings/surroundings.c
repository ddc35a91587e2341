/*
 * Stands between a member and the C library (LD_PRELOAD): its disk may fail, be slow, or lie about
 * what is durable, and its wall clock may be wrong. What happens is switched by a page of memory that
 * the run writes and this library reads (surroundings.ts knows its layout): at once, without a
 * restart.
 *
 * Every write below SURROUNDINGS_ROOT is first written down in a journal with the bytes that it
 * replaces, until a sync has made it durable; when the member is dead, the run can take back what was
 * not (power-loss.ts). So a kill -9 becomes a loss of power, and a sync that lied is found out.
 *
 * S1 an intent is in the journal before its write, a durability after its sync: who dies in between
 *    errs towards "not durable", which nobody was promised otherwise.
 * S2 the monotonic clock is never touched.
 * S3 stdio's writes are done at once and by our own `write`: inside libc they could not be seen.
 *    LevelDB writes by fopen and fwrite_unlocked.
 *
 * Not seen: writes through mmap (nobody here makes any), names (create, rename, unlink are durable at
 * once, as on a file system that journals them in order and was given the time), reads.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#undef fwrite_unlocked /* a macro where we optimize */

/* 64-bit fields, in the order of surroundings.ts. */
struct control {
  int64_t wall_offset_ns;
  int64_t write_errno;
  int64_t sync_errno;
  int64_t sync_delay_us;
  int64_t is_lying;
  int64_t write_delay_us;
  /* Written here, read by the run: that a switch took effect. */
  int64_t writes;
  int64_t syncs;
  int64_t lies;
  int64_t failures;
  int64_t delays;
  int64_t clock_reads;
};

enum record_kind { WRITE = 1, RANGE_DURABLE = 2, FILE_DURABLE = 3, TRUNCATE = 4 };

/* As power-loss.ts reads it; `old_length` bytes follow. */
struct record {
  uint64_t kind;
  uint64_t inode;
  uint64_t offset;
  uint64_t length;
  uint64_t size_before;
  uint64_t old_length;
};

struct open_file {
  uint64_t inode;
  int is_tracked;
  int is_durable; /* O_DSYNC or O_SYNC: each write is a sync of its range */
  int is_appending;
  int reader; /* reads what a write replaces, where the file is open for writing only */
};

#define FILES_MAX 65536
static struct open_file files[FILES_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile struct control *control;
static int journal = -1;
static char root[4096];

#define REAL(name) ((__typeof__(&name))real_##name)
#define FIND(name) static void *real_##name; if (!real_##name) real_##name = dlsym(RTLD_NEXT, #name)

static void die(const char *what) {
  fprintf(stderr, "surroundings: %s: %s\n", what, strerror(errno));
  _exit(97);
}

static const char *setting(const char *name) {
  const char *value = getenv(name);
  if (!value) die(name);
  return value;
}

static int real_open_file(const char *path, int flags, mode_t mode) {
  FIND(open64);
  return REAL(open64)(path, flags, mode);
}

__attribute__((constructor)) static void begin(void) {
  snprintf(root, sizeof root, "%s", setting("SURROUNDINGS_ROOT"));
  int page = real_open_file(setting("SURROUNDINGS_CONTROL"), O_RDWR | O_CLOEXEC, 0);
  if (page < 0) die("control");
  control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
  if (control == MAP_FAILED) die("control");
  FIND(close);
  REAL(close)(page);
  journal = real_open_file(setting("SURROUNDINGS_JOURNAL"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (journal < 0) die("journal");
}

static void count(volatile int64_t *field) { __atomic_add_fetch(field, 1, __ATOMIC_RELAXED); }

/* As long as the switch says so, looked at again and again: it may be switched off meanwhile. */
static void be_slow(volatile int64_t *delay_us) {
  int64_t waited_us = 0;
  if (*delay_us > 0) count(&control->delays);
  while (waited_us < *delay_us) {
    usleep(5000);
    waited_us += 5000;
  }
}

/* ---- the journal ---- */

static void put_record(struct record *record, const void *old_bytes) {
  FIND(writev);
  struct iovec parts[2] = {{record, sizeof *record}, {(void *)old_bytes, record->old_length}};
  ssize_t length = sizeof *record + record->old_length;
  if (REAL(writev)(journal, parts, 2) != length) die("journal");
}

/* What lies in the way of a write, or is cut off. The lock is held. */
static void put_intent(int kind, struct open_file *file, int fd, uint64_t offset, uint64_t length) {
  struct stat status;
  if (fstat(fd, &status) < 0) die("fstat");
  uint64_t size = status.st_size;
  uint64_t end = kind == TRUNCATE ? size : offset + length;
  if (end > size) end = size;
  uint64_t old_length = end > offset ? end - offset : 0;
  char *old_bytes = NULL;
  if (old_length > 0) {
    old_bytes = malloc(old_length);
    if (!old_bytes) die("memory");
    if (pread(file->reader, old_bytes, old_length, offset) != (ssize_t)old_length) die("read back");
  }
  struct record record = {kind, file->inode, offset, length, size, old_length};
  put_record(&record, old_bytes);
  free(old_bytes);
}

static void put_durable(int kind, struct open_file *file, uint64_t offset, uint64_t length) {
  struct record record = {kind, file->inode, offset, length, 0, 0};
  put_record(&record, NULL);
}

/* ---- which files ---- */

static struct open_file *tracked(int fd) {
  if (fd < 0 || fd >= FILES_MAX || !files[fd].is_tracked) return NULL;
  return &files[fd];
}

static void forget(int fd) {
  pthread_mutex_lock(&lock);
  struct open_file *file = tracked(fd);
  if (file) {
    FIND(close);
    REAL(close)(file->reader);
    file->is_tracked = 0;
  }
  pthread_mutex_unlock(&lock);
}

static void track(int fd, const char *path, int flags) {
  struct stat status;
  int can_write = (flags & O_ACCMODE) != O_RDONLY;
  if (fd < 0 || fd >= FILES_MAX || !can_write) return;
  if (strncmp(path, root, strlen(root)) != 0) return;
  if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) return;
  int reader = real_open_file(path, O_RDONLY | O_CLOEXEC, 0);
  if (reader < 0) die("open to read back");
  pthread_mutex_lock(&lock);
  files[fd] = (struct open_file){
      .inode = status.st_ino,
      .is_tracked = 1,
      .is_durable = (flags & O_DSYNC) != 0,
      .is_appending = (flags & O_APPEND) != 0,
      .reader = reader,
  };
  pthread_mutex_unlock(&lock);
}

/* Cutting a file by opening it is a truncation like any other. */
static void note_cut_by_open(const char *path, int flags) {
  struct stat status;
  if (!(flags & O_TRUNC) || strncmp(path, root, strlen(root)) != 0) return;
  if (stat(path, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size == 0) return;
  int reader = real_open_file(path, O_RDONLY | O_CLOEXEC, 0);
  if (reader < 0) return;
  struct open_file file = {.inode = status.st_ino, .reader = reader};
  pthread_mutex_lock(&lock);
  put_intent(TRUNCATE, &file, reader, 0, 0);
  pthread_mutex_unlock(&lock);
  FIND(close);
  REAL(close)(reader);
}

int open64(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  note_cut_by_open(path, flags);
  int fd = real_open_file(path, flags, mode);
  track(fd, path, flags);
  return fd;
}

int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open64(path, flags, mode);
}

int close(int fd) {
  FIND(close);
  forget(fd);
  return REAL(close)(fd);
}

/* ---- writes ---- */

static int fails(volatile int64_t *switched) {
  if (*switched == 0) return 0;
  count(&control->failures);
  errno = (int)*switched;
  return 1;
}

/* `at` < 0: where the file's position is. */
static ssize_t write_parts(int fd, const struct iovec *parts, int part_count, off64_t at) {
  FIND(writev);
  FIND(pwritev64);
  struct open_file *file = tracked(fd);
  if (!file) {
    return at < 0 ? REAL(writev)(fd, parts, part_count) : REAL(pwritev64)(fd, parts, part_count, at);
  }
  count(&control->writes);
  be_slow(&control->write_delay_us);
  if (fails(&control->write_errno)) return -1;
  uint64_t length = 0;
  for (int i = 0; i < part_count; i++) length += parts[i].iov_len;
  pthread_mutex_lock(&lock);
  struct stat status;
  if (fstat(fd, &status) < 0) die("fstat");
  uint64_t offset = file->is_appending ? (uint64_t)status.st_size
                    : at < 0           ? (uint64_t)lseek(fd, 0, SEEK_CUR)
                                       : (uint64_t)at;
  put_intent(WRITE, file, fd, offset, length);
  ssize_t written = at < 0 ? REAL(writev)(fd, parts, part_count) : REAL(pwritev64)(fd, parts, part_count, at);
  int error = errno;
  pthread_mutex_unlock(&lock);
  if (written < 0 || !file->is_durable) {
    errno = error;
    return written;
  }
  be_slow(&control->sync_delay_us);
  count(&control->syncs);
  if (fails(&control->sync_errno)) return -1;
  if (control->is_lying) {
    count(&control->lies);
    return written;
  }
  pthread_mutex_lock(&lock);
  put_durable(RANGE_DURABLE, file, offset, written);
  pthread_mutex_unlock(&lock);
  return written;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  struct iovec part = {(void *)bytes, length};
  return write_parts(fd, &part, 1, -1);
}

ssize_t writev(int fd, const struct iovec *parts, int part_count) {
  return write_parts(fd, parts, part_count, -1);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  struct iovec part = {(void *)bytes, length};
  return write_parts(fd, &part, 1, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int part_count, off64_t at) {
  return write_parts(fd, parts, part_count, at);
}

int ftruncate64(int fd, off64_t length) {
  FIND(ftruncate64);
  struct open_file *file = tracked(fd);
  if (!file) return REAL(ftruncate64)(fd, length);
  if (fails(&control->write_errno)) return -1;
  pthread_mutex_lock(&lock);
  put_intent(TRUNCATE, file, fd, length, 0);
  int result = REAL(ftruncate64)(fd, length);
  pthread_mutex_unlock(&lock);
  return result;
}

/* ---- syncs ---- */

/* 1: answered here. */
static int sync_is_faulty(int fd, int *result) {
  struct open_file *file = tracked(fd);
  struct stat status;
  int is_folder = !file && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
  if (!file && !is_folder) return 0;
  count(&control->syncs);
  be_slow(&control->sync_delay_us);
  *result = -1;
  if (fails(&control->sync_errno)) return 1;
  *result = 0;
  if (!control->is_lying) return 0;
  count(&control->lies);
  return 1;
}

int fsync(int fd) {
  FIND(fsync);
  int result;
  if (sync_is_faulty(fd, &result)) return result;
  /* Nothing is written meanwhile that would pass for durable. */
  pthread_mutex_lock(&lock);
  result = REAL(fsync)(fd);
  if (result == 0 && tracked(fd)) put_durable(FILE_DURABLE, tracked(fd), 0, 0);
  pthread_mutex_unlock(&lock);
  return result;
}

int fdatasync(int fd) {
  FIND(fdatasync);
  int result;
  if (sync_is_faulty(fd, &result)) return result;
  pthread_mutex_lock(&lock);
  result = REAL(fdatasync)(fd);
  if (result == 0 && tracked(fd)) put_durable(FILE_DURABLE, tracked(fd), 0, 0);
  pthread_mutex_unlock(&lock);
  return result;
}

/* ---- stdio (S3) ---- */

FILE *fopen64(const char *path, const char *mode) {
  FIND(fopen64);
  int can_write = strpbrk(mode, "wa+") != NULL;
  int flags = (can_write ? O_WRONLY : O_RDONLY) | (mode[0] == 'w' ? O_TRUNC : 0) |
              (mode[0] == 'a' ? O_APPEND : 0);
  note_cut_by_open(path, flags);
  FILE *stream = REAL(fopen64)(path, mode);
  if (stream) track(fileno(stream), path, flags);
  return stream;
}

FILE *fopen(const char *path, const char *mode) { return fopen64(path, mode); }

static size_t write_items(const void *bytes, size_t size, size_t items, FILE *stream) {
  size_t length = size * items;
  size_t done = 0;
  while (done < length) {
    ssize_t written = write(fileno(stream), (const char *)bytes + done, length - done);
    if (written < 0) return size == 0 ? 0 : done / size;
    done += written;
  }
  return items;
}

size_t fwrite(const void *bytes, size_t size, size_t items, FILE *stream) {
  FIND(fwrite);
  if (tracked(fileno(stream))) return write_items(bytes, size, items, stream);
  return REAL(fwrite)(bytes, size, items, stream);
}

size_t fwrite_unlocked(const void *bytes, size_t size, size_t items, FILE *stream) {
  FIND(fwrite_unlocked);
  if (tracked(fileno(stream))) return write_items(bytes, size, items, stream);
  return REAL(fwrite_unlocked)(bytes, size, items, stream);
}

int fclose(FILE *stream) {
  FIND(fclose);
  forget(fileno(stream));
  return REAL(fclose)(stream);
}

/* ---- the wall clock ---- */

#define NS_PER_SECOND 1000000000LL

static int64_t wrong_wall_ns(void) {
  FIND(clock_gettime);
  struct timespec now;
  REAL(clock_gettime)(CLOCK_REALTIME, &now);
  int64_t ns = now.tv_sec * NS_PER_SECOND + now.tv_nsec;
  if (!control) return ns;
  count(&control->clock_reads);
  return ns + control->wall_offset_ns;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  FIND(clock_gettime);
  if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) return REAL(clock_gettime)(clock, time);
  int64_t ns = wrong_wall_ns();
  time->tv_sec = ns / NS_PER_SECOND;
  time->tv_nsec = ns % NS_PER_SECOND;
  return 0;
}

int gettimeofday(struct timeval *time, void *zone) {
  (void)zone;
  int64_t ns = wrong_wall_ns();
  time->tv_sec = ns / NS_PER_SECOND;
  time->tv_usec = (ns % NS_PER_SECOND) / 1000;
  return 0;
}

time_t time(time_t *result) {
  time_t seconds = wrong_wall_ns() / NS_PER_SECOND;
  if (result) *result = seconds;
  return seconds;
}
