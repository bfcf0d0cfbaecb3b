/* SPDX-License-Identifier: MIT */
/*
 * The two ELF classes are brought into one shape at the edge (struct segment), so that everything
 * behind it is written once.
 */
#include "cli/elfinfo.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Real programs have about a dozen; the kernel refuses tables of more than 64 kB. */
#define MAX_SEGMENTS 512
/* The Go linker's note comes first in its segment; build-ids are under 100 bytes. */
#define MAX_NOTES 1024

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OUR_BYTE_ORDER ELFDATA2LSB
#else
#define OUR_BYTE_ORDER ELFDATA2MSB
#endif

struct segment {
	uint32_t type;
	uint64_t offset;
	uint64_t size;
};

struct segment_table {
	uint64_t offset;
	size_t entry_size;
	size_t count;
};

static const struct machine_name {
	uint8_t elf_class;
	uint16_t machine;
	const char *name;
} machine_names[] = {
	{ELFCLASS64, EM_X86_64, "x86-64"}, {ELFCLASS32, EM_X86_64, "x32"},
	{ELFCLASS32, EM_386, "i386"},      {ELFCLASS64, EM_AARCH64, "aarch64"},
	{ELFCLASS32, EM_ARM, "arm"},       {ELFCLASS64, EM_RISCV, "riscv64"},
	{ELFCLASS32, EM_RISCV, "riscv32"}, {ELFCLASS64, EM_PPC64, "ppc64"},
	{ELFCLASS64, EM_S390, "s390x"},    {ELFCLASS64, EM_LOONGARCH, "loongarch64"},
	{ELFCLASS32, EM_MIPS, "mips"},     {ELFCLASS64, EM_MIPS, "mips64"},
};

/* The number of bytes read, less than SIZE only at the end of the file, or -errno. */
static ssize_t read_at(int fd, void *buf, size_t size, uint64_t offset)
{
	size_t done = 0;

	if (offset > INT64_MAX - size) {
		return 0;
	}
	while (done < size) {
		ssize_t n = pread(fd, (char *)buf + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -errno;
		}
		if (n == 0) {
			break;
		}
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static bool read_whole(int fd, void *buf, size_t size, uint64_t offset)
{
	return read_at(fd, buf, size, offset) == (ssize_t)size;
}

/* As load_script() of the kernel does: blanks, the path up to a blank or the end of the line. */
static enum file_kind read_script(struct elfinfo *info, const char *head, size_t size)
{
	const char *end = memchr(head, '\n', size);
	const char *from = head + 2;
	size_t len;

	if (!end) {
		end = head + size;
	}
	while (from < end && (*from == ' ' || *from == '\t')) {
		from++;
	}
	len = 0;
	while (from + len < end && !strchr(" \t", from[len])) {
		len++;
	}
	/* Without an end in sight the path may be cut off: the kernel answers ENOEXEC too. */
	if (len == 0 || (end == head + ELFINFO_HEAD && from + len == end)) {
		return FILE_UNKNOWN;
	}
	memcpy(info->interpreter, from, len);
	info->interpreter[len] = '\0';
	return FILE_SCRIPT;
}

/* The shell's own test (bash: check_binary_file): a NUL in the first line is no text. */
static enum file_kind text_or_binary(const char *head, size_t size)
{
	const char *end = memchr(head, '\n', size);
	size_t len = end ? (size_t)(end - head) : size;

	return memchr(head, '\0', len) ? FILE_UNKNOWN : FILE_TEXT;
}

static bool read_segment(int fd, uint8_t elf_class, uint64_t offset, struct segment *out)
{
	union {
		Elf32_Phdr p32;
		Elf64_Phdr p64;
	} raw;

	if (elf_class == ELFCLASS64) {
		if (!read_whole(fd, &raw.p64, sizeof(raw.p64), offset)) {
			return false;
		}
		*out = (struct segment){raw.p64.p_type, raw.p64.p_offset, raw.p64.p_filesz};
	} else {
		if (!read_whole(fd, &raw.p32, sizeof(raw.p32), offset)) {
			return false;
		}
		*out = (struct segment){raw.p32.p_type, raw.p32.p_offset, raw.p32.p_filesz};
	}
	return true;
}

static bool read_interpreter(int fd, const struct segment *seg, struct elfinfo *info)
{
	if (seg->size < 2 || seg->size > sizeof(info->interpreter) ||
	    !read_whole(fd, info->interpreter, seg->size, seg->offset) ||
	    info->interpreter[seg->size - 1] != '\0') {
		info->interpreter[0] = '\0';
		return false;
	}
	info->has_loader = true;
	return true;
}

/*
 * Looks for the build-id of the Go linker: owner "Go", type 4 (cmd/link/internal/ld/elf.go).
 * Notes are counted in words of four bytes in both classes.
 */
static bool has_go_note(int fd, const struct segment *seg)
{
	enum { GO_BUILD_ID = 4 };
	_Alignas(Elf64_Nhdr) char notes[MAX_NOTES];
	uint64_t wanted = seg->size < sizeof(notes) ? seg->size : sizeof(notes);
	ssize_t got = read_at(fd, notes, wanted, seg->offset);
	size_t size = got < 0 ? 0 : (size_t)got;
	size_t at = 0;

	while (at < size && size - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		uint64_t name, next;

		memcpy(&note, notes + at, sizeof(note));
		name = at + sizeof(note);
		next = name + (((uint64_t)note.n_namesz + 3) & ~3ULL) +
		       (((uint64_t)note.n_descsz + 3) & ~3ULL);
		if (note.n_type == GO_BUILD_ID && note.n_namesz == sizeof("Go\0") &&
		    size - name >= sizeof("Go\0") && memcmp(notes + name, "Go\0", 4) == 0) {
			return true;
		}
		if (next >= size) {
			return false;
		}
		at = next;
	}
	return false;
}

static bool read_segments(int fd, struct elfinfo *info, const struct segment_table *table)
{
	size_t i;

	if (table->count == 0 || table->count > MAX_SEGMENTS) {
		return false;
	}
	for (i = 0; i < table->count; i++) {
		struct segment seg;

		if (table->offset > INT64_MAX ||
		    !read_segment(fd, info->elf_class, table->offset + i * table->entry_size,
				  &seg)) {
			return false;
		}
		if (seg.type == PT_INTERP && !info->has_loader &&
		    !read_interpreter(fd, &seg, info)) {
			return false;
		}
		if (seg.type == PT_NOTE && has_go_note(fd, &seg)) {
			info->is_go = true;
		}
	}
	return true;
}

static enum file_kind read_elf(int fd, struct elfinfo *info, const char *head, size_t size)
{
	union {
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
	} raw;
	struct segment_table table;
	size_t header = head[EI_CLASS] == ELFCLASS64 ? sizeof(raw.e64) : sizeof(raw.e32);

	if (size < header || (head[EI_CLASS] != ELFCLASS64 && head[EI_CLASS] != ELFCLASS32)) {
		return FILE_DAMAGED;
	}
	memcpy(&raw, head, header);
	info->elf_class = (uint8_t)head[EI_CLASS];
	info->byte_order = (uint8_t)head[EI_DATA];
	/* e_type and e_machine stand at the same place in both classes. */
	info->type = raw.e32.e_type;
	info->machine = raw.e32.e_machine;
	if (info->byte_order != OUR_BYTE_ORDER) {
		info->type = __builtin_bswap16(info->type);
		info->machine = __builtin_bswap16(info->machine);
	}
	if (info->type != ET_EXEC && info->type != ET_DYN) {
		return FILE_DAMAGED;
	}
	if (info->byte_order != OUR_BYTE_ORDER) {
		return FILE_ELF;
	}
	if (info->elf_class == ELFCLASS64) {
		table = (struct segment_table){raw.e64.e_phoff, sizeof(Elf64_Phdr),
					       raw.e64.e_phnum};
	} else {
		table = (struct segment_table){raw.e32.e_phoff, sizeof(Elf32_Phdr),
					       raw.e32.e_phnum};
	}
	return read_segments(fd, info, &table) ? FILE_ELF : FILE_DAMAGED;
}

int elfinfo_read(struct elfinfo *info, const char *path)
{
	char head[ELFINFO_HEAD] = {0};
	struct stat st;
	ssize_t size;
	/* O_NONBLOCK: opening a FIFO or a terminal must not wait before we know that it is one. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	memset(info, 0, sizeof(*info));
	if (fd < 0) {
		return -errno;
	}
	if (fstat(fd, &st) != 0) {
		size = -errno;
	} else if (S_ISDIR(st.st_mode)) {
		size = -EISDIR;
	} else if (!S_ISREG(st.st_mode)) {
		size = -EACCES;
	} else {
		size = read_at(fd, head, sizeof(head), 0);
	}
	if (size < 0) {
		close(fd);
		return (int)size;
	}
	if (size >= 2 && memcmp(head, "#!", 2) == 0) {
		info->kind = read_script(info, head, (size_t)size);
	} else if (size >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0) {
		info->kind = read_elf(fd, info, head, (size_t)size);
	} else {
		info->kind = text_or_binary(head, (size_t)size);
	}
	close(fd);
	return 0;
}

bool elfinfo_matches(const struct elfinfo *program, const struct elfinfo *library)
{
	return program->elf_class == library->elf_class && program->machine == library->machine &&
	       program->byte_order == library->byte_order;
}

const char *elfinfo_architecture(const struct elfinfo *info, char name[ELFINFO_NAME])
{
	size_t i;

	for (i = 0; i < sizeof(machine_names) / sizeof(machine_names[0]); i++) {
		if (machine_names[i].machine == info->machine &&
		    machine_names[i].elf_class == info->elf_class) {
			return machine_names[i].name;
		}
	}
	snprintf(name, ELFINFO_NAME, "%d-bit machine %u", info->elf_class == ELFCLASS64 ? 64 : 32,
		 info->machine);
	return name;
}
