/* Versiqii migration guests in C, ABI version 1: one header, no C library, no imports but versiqii.log.
 *
 * A migration is two functions that change a config in place:
 *
 *     #include "versiqii.h"
 *
 *     static void up(vq_config *config)   { vq_move(config, "/depth", "/limits/depth"); }
 *     static void down(vq_config *config) { vq_move(config, "/limits/depth", "/depth"); }
 *
 *     VQ_MIGRATION(up, down)
 *
 * Places are JSON Pointers whose names hold neither ~ nor /, through objects only. The first failure counts (a member
 * that is not there, or vq_refuse); from then on nothing changes any more, and the answer is {error, pointer}.
 *
 * The envelope comes in RFC 8785 form. So a string or number has exactly one way to be written, and this header never
 * decodes one: scalars are kept as the text they came as, compared as text, and written as that text. Numbers keep every
 * digit. Text that a migration brings itself must be plain: no quote, backslash or control character.
 */
#ifndef VERSIQII_H
#define VERSIQII_H

typedef __UINT32_TYPE__ vq_u32;
typedef __UINT64_TYPE__ vq_u64;
typedef __UINTPTR_TYPE__ vq_ptr;
typedef __SIZE_TYPE__ vq_size;

#define VQ_EXPORT(name) __attribute__((export_name(name), used))

/* ------------------------------------------------------------------------------------------------ memory
 * The sandbox gives every call a fresh instance, so memory is only ever taken. */

extern unsigned char __heap_base;
static vq_ptr vq_heap_next, vq_heap_end;

static void *vq_take_bytes(vq_size size) {
    const vq_ptr page = 65536;
    if (!vq_heap_next) {
        vq_heap_next = (vq_ptr)&__heap_base;
        vq_heap_end = (vq_ptr)__builtin_wasm_memory_size(0) * page;
    }
    vq_ptr start = (vq_heap_next + 7) & ~(vq_ptr)7;
    if (size > 0x40000000u || start > 0x80000000u) return 0;
    if (start + size > vq_heap_end) {
        vq_size pages = (start + size - vq_heap_end + page - 1) / page;
        if (__builtin_wasm_memory_grow(0, pages) == (vq_size)-1) return 0;
        vq_heap_end += pages * page;
    }
    vq_heap_next = start + size;
    return (void *)start;
}

static void *vq_must_take_bytes(vq_size size) {
    void *bytes = vq_take_bytes(size);
    if (!bytes) __builtin_trap();
    return bytes;
}

/* Compilers write calls to these by themselves. */
void *memcpy(void *to, const void *from, vq_size size) {
    char *t = to;
    const char *f = from;
    while (size--) *t++ = *f++;
    return to;
}
void *memset(void *to, int byte, vq_size size) {
    char *t = to;
    while (size--) *t++ = (char)byte;
    return to;
}

/* ------------------------------------------------------------------------------------------------ values */

typedef enum { VQ_NULL, VQ_FALSE, VQ_TRUE, VQ_NUMBER, VQ_STRING, VQ_ARRAY, VQ_OBJECT } vq_kind;

typedef struct {
    const char *start;
    vq_u32 length;
} vq_text;

/* Members and elements are a list. For scalars, text is exactly their JSON, quotes of a string included. */
typedef struct vq_value {
    vq_kind kind;
    vq_text text;
    vq_text name; /* as a member: without its quotes, escapes as they came */
    struct vq_value *first, *next;
} vq_value;

typedef struct {
    vq_value *root;
    vq_value *stash_in;
    vq_value *stash_out;
    const char *error;
    vq_text pointer;
} vq_config;

static vq_size vq_length(const char *text) {
    vq_size length = 0;
    while (text[length]) length++;
    return length;
}

static vq_text vq_of(const char *text) { return (vq_text){text, (vq_u32)vq_length(text)}; }

static int vq_same(vq_text a, vq_text b) {
    if (a.length != b.length) return 0;
    for (vq_u32 i = 0; i < a.length; i++)
        if (a.start[i] != b.start[i]) return 0;
    return 1;
}

static vq_value *vq_new(vq_kind kind, vq_text text) {
    vq_value *value = vq_must_take_bytes(sizeof *value);
    *value = (vq_value){.kind = kind, .text = text};
    return value;
}

static __attribute__((unused)) vq_value *vq_object(void) { return vq_new(VQ_OBJECT, vq_of("")); }
static __attribute__((unused)) vq_value *vq_bool(int yes) {
    return yes ? vq_new(VQ_TRUE, vq_of("true")) : vq_new(VQ_FALSE, vq_of("false"));
}
/* The literal as RFC 8785 writes it: 0.5, never 5e-1. */
static __attribute__((unused)) vq_value *vq_number(const char *literal) { return vq_new(VQ_NUMBER, vq_of(literal)); }
static __attribute__((unused)) vq_value *vq_string(const char *plain) {
    vq_size length = vq_length(plain);
    char *quoted = vq_must_take_bytes(length + 2);
    quoted[0] = quoted[length + 1] = '"';
    memcpy(quoted + 1, plain, length);
    return vq_new(VQ_STRING, (vq_text){quoted, (vq_u32)length + 2});
}

static vq_value *vq_member(const vq_value *object, vq_text name) {
    if (!object || object->kind != VQ_OBJECT) return 0;
    for (vq_value *member = object->first; member; member = member->next)
        if (vq_same(member->name, name)) return member;
    return 0;
}

static void vq_drop(vq_value *object, const vq_value *member) {
    for (vq_value **link = &object->first; *link; link = &(*link)->next)
        if (*link == member) {
            *link = member->next;
            return;
        }
}

static void vq_add(vq_value *object, vq_text name, vq_value *value) {
    value->name = name;
    value->next = 0;
    vq_value **link = &object->first;
    while (*link) link = &(*link)->next;
    *link = value;
}

/* Whether two values are equal, both as RFC 8785 wrote them. */
static __attribute__((unused)) int vq_equal(const vq_value *a, const vq_value *b) {
    if (!a || !b || a->kind != b->kind) return a == b;
    if (a->kind < VQ_ARRAY) return vq_same(a->text, b->text);
    vq_u32 count_a = 0, count_b = 0;
    for (const vq_value *item = b->first; item; item = item->next) count_b++;
    const vq_value *other = b->first;
    for (const vq_value *item = a->first; item; item = item->next, count_a++) {
        const vq_value *match = a->kind == VQ_OBJECT ? vq_member(b, item->name) : other;
        if (!match || !vq_equal(item, match)) return 0;
        other = other->next;
    }
    return count_a == count_b;
}

/* ------------------------------------------------------------------------------------------------ reading
 * The daemon wrote this envelope: what is not JSON here is a bug of ours, and a trap is the honest answer. */

typedef struct {
    const char *at, *end;
} vq_reader;

static vq_text vq_read_string(vq_reader *in) {
    const char *start = in->at++;
    while (in->at < in->end && *in->at != '"') in->at += *in->at == '\\' ? 2 : 1;
    if (in->at >= in->end) __builtin_trap();
    in->at++;
    return (vq_text){start, (vq_u32)(in->at - start)};
}

static vq_value *vq_read(vq_reader *in);

static vq_value *vq_read_items(vq_reader *in, vq_kind kind, char close) {
    vq_value *value = vq_new(kind, vq_of(""));
    vq_value **link = &value->first;
    in->at++;
    while (in->at < in->end && *in->at != close) {
        vq_text name = {0, 0};
        if (*in->at == ',') in->at++;
        if (kind == VQ_OBJECT) {
            name = vq_read_string(in);
            name = (vq_text){name.start + 1, name.length - 2};
            in->at++; /* the colon */
        }
        *link = vq_read(in);
        (*link)->name = name;
        link = &(*link)->next;
    }
    if (in->at >= in->end) __builtin_trap();
    in->at++;
    return value;
}

static vq_value *vq_read(vq_reader *in) {
    if (in->at >= in->end) __builtin_trap();
    const char *start = in->at;
    switch (*start) {
    case '{': return vq_read_items(in, VQ_OBJECT, '}');
    case '[': return vq_read_items(in, VQ_ARRAY, ']');
    case '"': return vq_new(VQ_STRING, vq_read_string(in));
    default: break;
    }
    while (in->at < in->end && *in->at != ',' && *in->at != '}' && *in->at != ']') in->at++;
    if (in->at == start) __builtin_trap();
    vq_kind kind = *start == 'n' ? VQ_NULL : *start == 't' ? VQ_TRUE : *start == 'f' ? VQ_FALSE : VQ_NUMBER;
    return vq_new(kind, (vq_text){start, (vq_u32)(in->at - start)});
}

/* ------------------------------------------------------------------------------------------------ writing */

typedef struct {
    char *start; /* 0 while only counting */
    vq_u32 length;
} vq_writer;

static void vq_write_text(vq_writer *out, vq_text text) {
    if (out->start) memcpy(out->start + out->length, text.start, text.length);
    out->length += text.length;
}

static void vq_write_plain(vq_writer *out, const char *text) { vq_write_text(out, vq_of(text)); }

static void vq_write(vq_writer *out, const vq_value *value) {
    if (value->kind < VQ_ARRAY) {
        vq_write_text(out, value->text);
        return;
    }
    vq_write_plain(out, value->kind == VQ_OBJECT ? "{" : "[");
    for (const vq_value *item = value->first; item; item = item->next) {
        if (item != value->first) vq_write_plain(out, ",");
        if (value->kind == VQ_OBJECT) {
            vq_write_plain(out, "\"");
            vq_write_text(out, item->name);
            vq_write_plain(out, "\":");
        }
        vq_write(out, item);
    }
    vq_write_plain(out, value->kind == VQ_OBJECT ? "}" : "]");
}

static void vq_write_answer(vq_writer *out, const vq_config *config) {
    if (config->error) {
        vq_write_plain(out, "{\"error\":\"");
        vq_write_plain(out, config->error);
        vq_write_plain(out, "\",\"pointer\":\"");
        vq_write_text(out, config->pointer);
        vq_write_plain(out, "\"}");
        return;
    }
    vq_write_plain(out, "{\"config\":");
    vq_write(out, config->root);
    if (config->stash_out->first) {
        vq_write_plain(out, ",\"stash\":");
        vq_write(out, config->stash_out);
    }
    vq_write_plain(out, "}");
}

/* ------------------------------------------------------------------------------------------------ migrating */

/* Refuse the config: a plain sentence for the operator, and the place in the config as it came in. */
static void vq_refuse(vq_config *config, const char *sentence, const char *pointer) {
    if (config->error) return;
    config->error = sentence;
    config->pointer = vq_of(pointer);
}

typedef struct {
    vq_value *parent;
    vq_text name;
} vq_place;

/* The object that holds the place, and the place's name in it; parent 0 when the way is not there and not made. */
static vq_place vq_find(vq_config *config, const char *pointer, int make) {
    vq_value *parent = config->root;
    const char *start = pointer + 1;
    for (const char *at = start;; at++) {
        if (*at && *at != '/') continue;
        vq_text name = {start, (vq_u32)(at - start)};
        if (!*at) return (vq_place){parent && parent->kind == VQ_OBJECT ? parent : 0, name};
        vq_value *next = vq_member(parent, name);
        if (!next && make && parent && parent->kind == VQ_OBJECT) vq_add(parent, name, next = vq_object());
        parent = next;
        start = at + 1;
    }
}

/* The value there, or 0. */
static __attribute__((unused)) vq_value *vq_at(vq_config *config, const char *pointer) {
    vq_place place = vq_find(config, pointer, 0);
    return vq_member(place.parent, place.name);
}

/* Remove and return the value there; not there is a refusal, and 0. */
static vq_value *vq_take(vq_config *config, const char *pointer) {
    if (config->error) return 0;
    vq_place place = vq_find(config, pointer, 0);
    vq_value *value = vq_member(place.parent, place.name);
    if (value) vq_drop(place.parent, value);
    else vq_refuse(config, "a member is missing that this migration needs", pointer);
    return value;
}

/* Put a value there, over what is there; objects on the way are made. A value of 0 is a refusal. */
static void vq_set(vq_config *config, const char *pointer, vq_value *value) {
    if (!value) vq_refuse(config, "this migration could make no value for this place", pointer);
    if (config->error) return;
    vq_place place = vq_find(config, pointer, 1);
    if (!place.parent) {
        vq_refuse(config, "something that is no object is in the way of this migration", pointer);
        return;
    }
    vq_value *old = vq_member(place.parent, place.name);
    if (old) vq_drop(place.parent, old);
    vq_add(place.parent, place.name, value);
}

static __attribute__((unused)) void vq_move(vq_config *config, const char *from, const char *to) {
    vq_set(config, to, vq_take(config, from));
}

/* For members that need not be there. */
static __attribute__((unused)) void vq_move_if_present(vq_config *config, const char *from, const char *to) {
    if (vq_at(config, from)) vq_move(config, from, to);
}

/* Going down: remove what the older version cannot say, and keep it in the stash unless it is what going up would put
 * there anyway. */
static __attribute__((unused)) void vq_keep(vq_config *config, const char *pointer, const vq_value *usual) {
    vq_value *value = vq_take(config, pointer);
    if (value && !vq_equal(value, usual)) vq_add(config->stash_out, vq_of(pointer), value);
}

/* Going up: put there what was kept, or what is usual when nothing was. */
static __attribute__((unused)) void vq_restore(vq_config *config, const char *pointer, vq_value *usual) {
    vq_value *kept = vq_member(config->stash_in, vq_of(pointer));
    if (kept) vq_drop(config->stash_in, kept);
    vq_set(config, pointer, kept ? kept : usual);
}

static __attribute__((unused)) int vq_is_string(const vq_value *value, const char *plain) {
    return value && value->kind == VQ_STRING && value->text.length == vq_length(plain) + 2 &&
           vq_same((vq_text){value->text.start + 1, value->text.length - 2}, vq_of(plain));
}

static __attribute__((unused)) int vq_is_number(const vq_value *value, const char *literal) {
    return value && value->kind == VQ_NUMBER && vq_same(value->text, vq_of(literal));
}

/* The number times ten to the power of places, exactly: only its decimal point moves. 0 when it is no number, or one so
 * small or large that RFC 8785 writes an exponent. */
static __attribute__((unused)) vq_value *vq_shift(const vq_value *number, int places) {
    if (!number || number->kind != VQ_NUMBER) return 0;
    const char *text = number->text.start;
    vq_u32 count = 0, length = number->text.length, size = length + (vq_u32)(places < 0 ? -places : places) + 3;
    int negative = length && text[0] == '-', point = -1;
    char *digits = vq_must_take_bytes(size), *out = vq_must_take_bytes(size + 2), *end = out;
    for (vq_u32 i = (vq_u32)negative; i < length; i++) {
        if (text[i] == '.') point = (int)count;
        else if (text[i] >= '0' && text[i] <= '9') digits[count++] = text[i];
        else return 0;
    }
    point = (point < 0 ? (int)count : point) + places;
    while (count && digits[count - 1] == '0' && (int)count > point) count--;
    vq_u32 lead = 0;
    while (lead < count && digits[lead] == '0' && (int)lead < point - 1) lead++;
    if (negative) *end++ = '-';
    if (point <= 0) *end++ = '0';
    for (int i = (int)lead; i < point; i++) *end++ = (vq_u32)i < count ? digits[i] : '0';
    if ((int)count > point) {
        *end++ = '.';
        for (int i = point; i < 0; i++) *end++ = '0';
        for (int i = point > 0 ? point : 0; i < (int)count; i++) *end++ = digits[i];
    }
    return vq_new(VQ_NUMBER, (vq_text){out, (vq_u32)(end - out)});
}

/* The number without its fraction, rounded towards zero. */
static __attribute__((unused)) vq_value *vq_whole(const vq_value *number) {
    vq_text text = number->text;
    for (vq_u32 i = 0; i < text.length; i++)
        if (text.start[i] == '.') text.length = i;
    return vq_new(VQ_NUMBER, text);
}

/* ------------------------------------------------------------------------------------------------ ABI */

typedef void vq_direction(vq_config *config);

static vq_u64 vq_run(vq_direction *direction, const char *envelope, vq_u32 length) {
    vq_reader in = {envelope, envelope + length};
    vq_value *root = vq_read(&in);
    vq_config config = {.root = vq_member(root, vq_of("config")),
                        .stash_in = vq_member(root, vq_of("stash")),
                        .stash_out = vq_object()};
    if (!config.root) __builtin_trap();
    direction(&config);
    vq_writer out = {0, 0};
    vq_write_answer(&out, &config);
    out = (vq_writer){vq_must_take_bytes(out.length), 0};
    vq_write_answer(&out, &config);
    return (vq_u64)(vq_ptr)out.start << 32 | out.length;
}

VQ_EXPORT("vq_abi_version") int vq_abi_version(void) { return 1; }
VQ_EXPORT("vq_alloc") void *vq_alloc(vq_u32 size) { return vq_take_bytes(size); }

#define VQ_MIGRATION(up, down)                                                                                         \
    VQ_EXPORT("vq_up") vq_u64 vq_up(const char *envelope, vq_u32 length) { return vq_run(up, envelope, length); }      \
    VQ_EXPORT("vq_down") vq_u64 vq_down(const char *envelope, vq_u32 length) { return vq_run(down, envelope, length); }

#endif
