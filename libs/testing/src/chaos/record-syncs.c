/*
 * Loaded into Redis (LD_PRELOAD): for every completed fsync or fdatasync writes how long the file was when the sync began to
 * $SYNC_RECORDS/<file name>. What lies beyond is what a power cut may take. Declares what it needs, so that any C compiler without headers
 * can build it: cc -shared -fPIC -o record-syncs.so record-syncs.c
 */
extern void *dlsym(void *handle, const char *symbol);
extern long lseek(int fd, long offset, int whence);
extern long readlink(const char *path, char *target, unsigned long size);
extern long pwrite(int fd, const void *bytes, unsigned long count, long offset);
extern int snprintf(char *text, unsigned long size, const char *format, ...);
extern int open(const char *path, int flags, ...);
extern int close(int fd);
extern char *getenv(const char *name);
extern char *strrchr(const char *text, int character);

#define NEXT ((void *)-1L)
#define END_OF_FILE 2
#define WRITE_OR_CREATE (01 | 0100)

static void record(int fd, long size)
{
  char link[64], path[4096], target[4096], text[32];
  const char *directory = getenv("SYNC_RECORDS");
  long length;
  int out, digits;

  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, path, sizeof path - 1);
  if (directory == 0 || length <= 0) return;
  path[length] = 0;
  snprintf(target, sizeof target, "%s/%s", directory, strrchr(path, '/') + 1);
  out = open(target, WRITE_OR_CREATE, 0600);
  if (out < 0) return;
  /* One write of a fixed length: a reader never sees half a number. */
  digits = snprintf(text, sizeof text, "%020ld", size);
  pwrite(out, text, digits, 0);
  close(out);
}

static int sync_and_record(int fd, const char *name)
{
  int (*real)(int) = (int (*)(int))dlsym(NEXT, name);
  long size = lseek(fd, 0, END_OF_FILE);
  int result = real(fd);
  if (result == 0) record(fd, size);
  return result;
}

int fdatasync(int fd) { return sync_and_record(fd, "fdatasync"); }
int fsync(int fd) { return sync_and_record(fd, "fsync"); }
