#include "folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum {
    ENTRIES_A_POLL = 1024,
    FIRST_CAPACITY = 32,
    MAX_DEPTH = 2048, /* PATH_MAX leaves room for no more */
};

/* The entries of one folder, sorted; a folder's name ends with /, so that the order is that of whole paths.
 */
struct level {
    char **names;
    size_t count, capacity, next;
    size_t path_length; /* of the folder's path, with its / */
};

struct dg_folder {
    int flat, any_name;
    char *path; /* of the current level's folder, then of its entry */
    size_t path_capacity;
    struct level *levels;
    size_t depth, levels_capacity; /* the current level is levels[depth - 1] */
};

static int has_picture_name(const char *name)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".jpe", ".jfif", ".png"};
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(ending, endings[i]) == 0) return 1;
    return 0;
}

static void free_level(struct level *level)
{
    for (size_t i = 0; i < level->count; i++) free(level->names[i]);
    free(level->names);
}

/* Makes the path's end, from `length` on, `name`. */
static enum dg_code set_path(dg_folder *f, size_t length, const char *name, dg_err *err)
{
    size_t needed = length + strlen(name) + 1;
    if (needed > f->path_capacity) {
        char *path = realloc(f->path, needed * 2);
        if (!path) return dg_fail_nomem(err, "the path of a file");
        f->path = path;
        f->path_capacity = needed * 2;
    }
    memcpy(f->path + length, name, needed - length);
    return DG_OK;
}

static enum dg_code add_name(struct level *level, const char *name, int is_folder, dg_err *err)
{
    size_t length = strlen(name);
    if (level->count == level->capacity) {
        size_t capacity = level->capacity ? level->capacity * 2 : FIRST_CAPACITY;
        char **names = realloc(level->names, capacity * sizeof *names);
        if (!names) return dg_fail_nomem(err, "the names in a folder");
        level->names = names;
        level->capacity = capacity;
    }
    char *copy = malloc(length + 2);
    if (!copy) return dg_fail_nomem(err, "the names in a folder");
    memcpy(copy, name, length);
    memcpy(copy + length, is_folder ? "/" : "", (size_t)is_folder + 1);
    level->names[level->count++] = copy;
    return DG_OK;
}

/* Whether it is a folder, a regular file, or neither. */
static mode_t type_of(DIR *directory, const struct dirent *entry)
{
    struct stat found;
    if (entry->d_type == DT_DIR) return S_IFDIR;
    if (entry->d_type == DT_REG) return S_IFREG;
    if (entry->d_type != DT_UNKNOWN) return 0;
    if (fstatat(dirfd(directory), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) != 0) return 0;
    return found.st_mode & S_IFMT;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum dg_code read_names(const dg_folder *f, DIR *directory, struct level *level, const dg_poll *poll,
                               dg_err *err)
{
    const struct dirent *entry;
    for (int n = 0; (entry = readdir(directory)) != NULL; n++) {
        if (n % ENTRIES_A_POLL == 0 && dg_poll_stop(poll)) return dg_fail(err, DG_INTERRUPT, "interrupted");
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        mode_t type = type_of(directory, entry);
        int wanted =
            type == S_IFDIR ? !f->flat : type == S_IFREG && (f->any_name || has_picture_name(entry->d_name));
        if (wanted && add_name(level, entry->d_name, type == S_IFDIR, err) != DG_OK) return err->code;
    }
    if (level->count > 1) qsort(level->names, level->count, sizeof *level->names, compare_names);
    return DG_OK;
}

/* Goes into the folder that f->path names, which ends with /. */
static enum dg_code enter(dg_folder *f, const dg_poll *poll, dg_err *err)
{
    struct level level = {.path_length = strlen(f->path)};
    if (f->depth == MAX_DEPTH)
        return dg_fail(err, DG_ERROR, "too many folders in one another: '%s'", f->path);
    if (f->depth == f->levels_capacity) {
        size_t capacity = f->levels_capacity ? f->levels_capacity * 2 : FIRST_CAPACITY;
        struct level *levels = realloc(f->levels, capacity * sizeof *levels);
        if (!levels) return dg_fail_nomem(err, "the folders in a folder");
        f->levels = levels;
        f->levels_capacity = capacity;
    }
    DIR *directory = opendir(f->path);
    if (!directory) return dg_fail_errno(err, f->path);
    read_names(f, directory, &level, poll, err);
    closedir(directory);
    if (err->code)
        free_level(&level);
    else
        f->levels[f->depth++] = level;
    return err->code;
}

enum dg_code dg_folder_open(const dg_folder_spec *spec, const dg_poll *poll, dg_folder **folder, dg_err *err)
{
    size_t length = strlen(spec->path);
    *folder = NULL;
    if (!length) return dg_fail(err, DG_ERROR, "the name of the folder is empty");
    dg_folder *f = calloc(1, sizeof *f);
    if (!f) return dg_fail_nomem(err, "a folder");
    f->flat = spec->flat;
    f->any_name = spec->any_name;
    set_path(f, 0, spec->path, err);
    if (!err->code && spec->path[length - 1] != '/') set_path(f, length, "/", err);
    if (!err->code) enter(f, poll, err);
    if (err->code)
        dg_folder_close(f);
    else
        *folder = f;
    return err->code;
}

/* Describes the file that f->path names. Returns 0 if it is no regular file any more. */
static int describe(const dg_folder *f, dg_folder_entry *entry)
{
    struct stat found;
    if (lstat(f->path, &found) != 0 || !S_ISREG(found.st_mode)) return 0;
    entry->bytes = found.st_size;
    entry->modified = found.st_mtime;
    return 1;
}

/* Goes into a folder of the current level. Returns 1 where it cannot be read, which is an entry. */
static int descend(dg_folder *f, const dg_poll *poll, dg_folder_entry *entry, dg_err *err)
{
    if (enter(f, poll, &entry->err) == DG_OK) return 0;
    if (entry->err.code != DG_ERROR) *err = entry->err;
    f->path[strlen(f->path) - 1] = 0;
    return entry->err.code == DG_ERROR;
}

enum dg_code dg_folder_next(dg_folder *f, const dg_poll *poll, dg_folder_entry *entry, dg_err *err)
{
    *entry = (dg_folder_entry){0};
    while (f->depth && !err->code) {
        struct level *level = &f->levels[f->depth - 1];
        if (level->next == level->count) {
            free_level(level);
            f->depth--;
            continue;
        }
        const size_t length = level->path_length;
        const char *name = level->names[level->next++];
        const int is_folder = name[strlen(name) - 1] == '/';
        if (set_path(f, length, name, err) != DG_OK) break;
        if (is_folder ? descend(f, poll, entry, err) : describe(f, entry)) {
            entry->path = f->path;
            entry->name = f->path + length;
            return DG_OK;
        }
    }
    return err->code;
}

void dg_folder_close(dg_folder *f)
{
    if (!f) return;
    while (f->depth) free_level(&f->levels[--f->depth]);
    free(f->levels);
    free(f->path);
    free(f);
}
