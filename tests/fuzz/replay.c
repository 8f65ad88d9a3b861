/*
 * Replay: the main of a fuzz target where there is no libFuzzer. Gives each file named on the
 * command line, and each file of each folder named, to LLVMFuzzerTestOneInput once.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_path(const char *path);

static int fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return -1;
}

/* Exactly as many bytes as the input has, so that a sanitizer sees a read beyond them. */
static int replay_file(const char *path, size_t size)
{
	uint8_t *data = malloc(size ? size : 1);
	FILE *file = fopen(path, "rb");
	int result = 0;

	if (!data || !file || fread(data, 1, size, file) != size)
		result = fail(path);
	else
		(void)LLVMFuzzerTestOneInput(data, size);
	if (file)
		fclose(file);
	free(data);
	return result < 0 ? -1 : 1;
}

static int replay_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int total = 0;

	if (!folder)
		return fail(path);
	while (total >= 0 && (entry = readdir(folder))) {
		char name[4096];
		int n;

		if (entry->d_name[0] == '.')
			continue;
		n = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (n < 0 || (size_t)n >= sizeof(name)) {
			total = -1;
			break;
		}
		n = replay_path(name);
		total = n < 0 ? -1 : total + n;
	}
	closedir(folder);
	return total;
}

/* How many inputs were replayed; -1: one could not be read. */
static int replay_path(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return fail(path);
	if (S_ISDIR(st.st_mode))
		return replay_folder(path);
	return replay_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		int n = replay_path(argv[i]);

		if (n < 0)
			return 1;
		total += n;
	}
	printf("%s: %d inputs replayed\n", argv[0], total);
	return total > 0 ? 0 : 1;
}
