/*
 * libfcgi has no version that a program could ask for; it is named without one.
 */
#include "config/versions.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <jansson.h>
#include <pcre2.h>
#include <xxhash.h>

void versions_print(FILE *out, const char *own)
{
	char pcre2[64] = "";
	unsigned xxhash = XXH_versionNumber();

	pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
	fprintf(out, "fcgicache %s\nlibfcgi, jansson %s, PCRE2 %s, xxhash %u.%u.%u\n", own,
		jansson_version_str(), pcre2, xxhash / 10000, xxhash / 100 % 100, xxhash % 100);
}
