/* The Lua interpreter as a migration guest, ABI version 1.
 *
 * The envelope has one member more than that of other guests: `source`, a script that defines
 *
 *     function migrate(config, context) return config end
 *
 * and its answer is the answer. `context` is {family, from, to, stash}; a second result is the stash for the way back.
 * What scripts may use: the libraries base, coroutine, math, string, table and utf8, without what reads files or loads
 * code, and the functions of prelude.lua. Everything about limits is the sandbox's business.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

#define EXPORT(name) __attribute__((export_name(name), used))
#define WHOLE_MAX 9007199254740992.0
#define DEPTH_MAX 110 /* the document limits end at 100, and the envelope is around it */

__attribute__((import_module("versiqii"), import_name("abort"))) void versiqii_abort(const char *text, size_t length);

/* Lua unwinds with longjmp, which the compiler turns into WebAssembly exceptions of this tag. */
__asm__(".globl __c_longjmp\n.tagtype __c_longjmp i32\n__c_longjmp:\n");

static const char prelude[] = {
#embed "prelude.lua"
};

static const char array_type = 0, refusal_type = 0; /* their addresses are keys of the registry */

/* ------------------------------------------------------------------------------------------------ from JSON */

typedef struct {
    const char *at, *end;
} reader;

static void read_value(lua_State *L, reader *in);

static unsigned read_hex(reader *in) {
    unsigned code = 0;
    for (int i = 0; i < 4; i++, in->at++) {
        char c = *in->at;
        code = code * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return code;
}

static void put_utf8(luaL_Buffer *out, unsigned code) {
    if (code < 0x80) {
        luaL_addchar(out, (char)code);
        return;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    luaL_addchar(out, (char)((more == 1 ? 0xC0 : more == 2 ? 0xE0 : 0xF0) | code >> 6 * more));
    while (more--) luaL_addchar(out, (char)(0x80 | (code >> 6 * more & 0x3F)));
}

static void read_escape(luaL_Buffer *out, reader *in) {
    char c = *in->at++;
    unsigned code = 0;
    switch (c) {
        case 'b': luaL_addchar(out, '\b'); return;
        case 'f': luaL_addchar(out, '\f'); return;
        case 'n': luaL_addchar(out, '\n'); return;
        case 'r': luaL_addchar(out, '\r'); return;
        case 't': luaL_addchar(out, '\t'); return;
        case 'u':
            code = read_hex(in);
            if (code >= 0xD800 && code < 0xDC00 && in->at[0] == '\\') {
                in->at += 2;
                code = 0x10000 + ((code - 0xD800) << 10) + (read_hex(in) - 0xDC00);
            }
            put_utf8(out, code);
            return;
        default: luaL_addchar(out, c);
    }
}

static void read_string(lua_State *L, reader *in) {
    const char *start = ++in->at;
    while (*in->at != '"' && *in->at != '\\') in->at++;
    if (*in->at == '"') { /* nearly always */
        lua_pushlstring(L, start, (size_t)(in->at++ - start));
        return;
    }
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    luaL_addlstring(&out, start, (size_t)(in->at - start));
    while (*in->at != '"') {
        if (*in->at != '\\') {
            luaL_addchar(&out, *in->at++);
            continue;
        }
        in->at++;
        read_escape(&out, in);
    }
    in->at++;
    luaL_pushresult(&out);
}

static void read_number(lua_State *L, reader *in) {
    char text[64];
    size_t length = 0;
    while (in->at < in->end && strchr("+-.0123456789eE", *in->at) && length < sizeof text - 1) text[length++] = *in->at++;
    text[length] = 0;
    if (!lua_stringtonumber(L, text)) luaL_error(L, "a number in the envelope cannot be read");
    if (lua_isinteger(L, -1) && fabs((double)lua_tointeger(L, -1)) >= WHOLE_MAX) {
        lua_pushnumber(L, (lua_Number)lua_tointeger(L, -1)); /* what RFC 8785 writes without a fraction is a double */
        lua_replace(L, -2);
    }
}

static void read_many(lua_State *L, reader *in, int object) {
    lua_Integer count = 0;
    in->at++;
    lua_newtable(L);
    while (*in->at != (object ? '}' : ']')) {
        if (*in->at == ',') in->at++;
        if (object) {
            read_string(L, in);
            in->at++; /* the colon */
            read_value(L, in);
            lua_rawset(L, -3);
        } else {
            read_value(L, in);
            lua_rawseti(L, -2, ++count);
        }
    }
    in->at++;
    if (object) return;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &array_type);
    lua_setmetatable(L, -2);
}

/* Reads what the daemon wrote: RFC 8785 form, so there is no white space, and every text is well formed. */
static void read_value(lua_State *L, reader *in) {
    luaL_checkstack(L, 8, "nested too deeply");
    switch (*in->at) {
        case '{': read_many(L, in, 1); return;
        case '[': read_many(L, in, 0); return;
        case '"': read_string(L, in); return;
        case 't': in->at += 4; lua_pushboolean(L, 1); return;
        case 'f': in->at += 5; lua_pushboolean(L, 0); return;
        case 'n': in->at += 4; lua_pushlightuserdata(L, NULL); return;
        default: read_number(L, in);
    }
}

/* ------------------------------------------------------------------------------------------------ to JSON */

static char *answer;
static size_t answer_length, answer_size;

static void put(lua_State *L, const char *text, size_t length) {
    if (answer_length + length > answer_size) {
        size_t size = (answer_length + length) * 2 + 1024;
        char *grown = realloc(answer, size);
        if (!grown) luaL_error(L, "not enough memory");
        answer = grown;
        answer_size = size;
    }
    memcpy(answer + answer_length, text, length);
    answer_length += length;
}

static void put_plain(lua_State *L, const char *text) { put(L, text, strlen(text)); }

static void put_string(lua_State *L, const char *text, size_t length) {
    size_t from = 0;
    put_plain(L, "\"");
    for (size_t at = 0; at < length; at++) {
        unsigned char c = (unsigned char)text[at];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        char escaped[8];
        int size = snprintf(escaped, sizeof escaped, "\\u%04x", c);
        put(L, text + from, at - from);
        put(L, escaped, (size_t)size);
        from = at + 1;
    }
    put(L, text + from, length - from);
    put_plain(L, "\"");
}

static void put_number(lua_State *L, int index) {
    char text[64];
    int size;
    if (lua_isinteger(L, index)) {
        size = snprintf(text, sizeof text, LUA_INTEGER_FMT, lua_tointeger(L, index));
    } else {
        lua_Number number = lua_tonumber(L, index);
        if (number != number || number - number != 0) luaL_error(L, "the result holds a number that JSON does not have");
        /* from here on digits alone would be an integer, and one that not every reader holds */
        size = snprintf(text, sizeof text, fabs(number) >= WHOLE_MAX ? "%.17e" : "%.17g", number);
    }
    put(L, text, (size_t)size);
}

static void put_value(lua_State *L, int index, int depth);

/* Whether the table is a list: made by array(), or with something at 1. An empty table is an object. */
static int is_list(lua_State *L, int index) {
    int list = 0;
    if (lua_getmetatable(L, index)) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &array_type);
        list = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    if (!list) list = lua_rawgeti(L, index, 1) != LUA_TNIL, lua_pop(L, 1);
    return list;
}

static void put_list(lua_State *L, int index, int depth) {
    lua_Unsigned length = lua_rawlen(L, index), members = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) members++;
    if (members != length) luaL_error(L, "the result holds a list with gaps or with names");
    put_plain(L, "[");
    for (lua_Unsigned i = 1; i <= length; i++) {
        if (i > 1) put_plain(L, ",");
        lua_rawgeti(L, index, (lua_Integer)i);
        put_value(L, lua_gettop(L), depth);
        lua_pop(L, 1);
    }
    put_plain(L, "]");
}

static void put_object(lua_State *L, int index, int depth) {
    int first = 1;
    put_plain(L, "{");
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "the result holds an object with a name that is no string");
        size_t length;
        const char *name = lua_tolstring(L, -2, &length);
        if (!first) put_plain(L, ",");
        first = 0;
        put_string(L, name, length);
        put_plain(L, ":");
        put_value(L, lua_gettop(L), depth);
    }
    put_plain(L, "}");
}

static void put_value(lua_State *L, int index, int depth) {
    size_t length;
    const char *text;
    if (depth > DEPTH_MAX) luaL_error(L, "the result is nested more than %d deep, or holds itself", DEPTH_MAX);
    luaL_checkstack(L, 8, "nested too deeply");
    switch (lua_type(L, index)) {
        case LUA_TBOOLEAN: put_plain(L, lua_toboolean(L, index) ? "true" : "false"); return;
        case LUA_TNUMBER: put_number(L, index); return;
        case LUA_TSTRING: text = lua_tolstring(L, index, &length); put_string(L, text, length); return;
        case LUA_TTABLE: (is_list(L, index) ? put_list : put_object)(L, index, depth + 1); return;
        case LUA_TLIGHTUSERDATA: put_plain(L, "null"); return;
        default: luaL_error(L, "the result holds a %s, which JSON does not have", luaL_typename(L, index));
    }
}

/* ------------------------------------------------------------------------------------------------ the script's world */

static int script_array(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &array_type);
    lua_setmetatable(L, 1);
    return 1;
}

/* refuse(sentence, pointer): this config cannot be migrated, which is an answer. */
static int script_refuse(lua_State *L) {
    luaL_checkstring(L, 1);
    luaL_optstring(L, 2, NULL);
    lua_settop(L, 2);
    lua_createtable(L, 2, 0);
    lua_insert(L, 1);
    lua_rawseti(L, 1, 2);
    lua_rawseti(L, 1, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &refusal_type);
    lua_setmetatable(L, 1);
    return lua_error(L);
}

static void forget(lua_State *L, const char *library, const char *const *names) {
    lua_getglobal(L, library);
    for (; *names; names++) {
        lua_pushnil(L);
        lua_setfield(L, -2, *names);
    }
    lua_pop(L, 1);
}

static void open_world(lua_State *L) {
    static const luaL_Reg libraries[] = {
        {LUA_GNAME, luaopen_base},        {LUA_COLIBNAME, luaopen_coroutine}, {LUA_MATHLIBNAME, luaopen_math},
        {LUA_STRLIBNAME, luaopen_string}, {LUA_TABLIBNAME, luaopen_table},    {LUA_UTF8LIBNAME, luaopen_utf8},
    };
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
        lua_pop(L, 1);
    }
    forget(L, LUA_GNAME, (const char *const[]){"dofile", "loadfile", "load", "warn", NULL});
    forget(L, LUA_STRLIBNAME, (const char *const[]){"dump", NULL});
    const void *types[] = {&array_type, &refusal_type};
    for (size_t i = 0; i < 2; i++) {
        lua_createtable(L, 0, 1);
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable"); /* scripts leave these alone */
        lua_rawsetp(L, LUA_REGISTRYINDEX, types[i]);
    }
    lua_register(L, "array", script_array);
    lua_register(L, "refuse", script_refuse);
    lua_pushlightuserdata(L, NULL);
    lua_setglobal(L, "null");
}

static void call_text(lua_State *L, const char *text, size_t length, const char *name, int arguments) {
    if (luaL_loadbufferx(L, text, length, name, "t") != LUA_OK) lua_error(L);
    lua_insert(L, -arguments - 1);
    lua_call(L, arguments, 0);
}

/* ------------------------------------------------------------------------------------------------ one call */

static int migrate(lua_State *L) {
    reader *in = lua_touserdata(L, 1);
    size_t length;
    open_world(L);
    read_value(L, in);
    int envelope = lua_gettop(L);
    lua_getfield(L, envelope, "context");
    lua_getfield(L, envelope, "stash");
    lua_setfield(L, -2, "stash");
    call_text(L, prelude, sizeof prelude, "=prelude", 1);
    if (lua_getfield(L, envelope, "source") != LUA_TSTRING) luaL_error(L, "there is no script");
    const char *source = lua_tolstring(L, -1, &length);
    call_text(L, source, length, "=script", 0);
    if (lua_getglobal(L, "migrate") != LUA_TFUNCTION) luaL_error(L, "the script defines no function migrate");
    lua_getfield(L, envelope, "config");
    lua_getfield(L, envelope, "context");
    lua_call(L, 2, 2);
    int config = lua_gettop(L) - 1, stash = config + 1;
    if (lua_isnil(L, config)) luaL_error(L, "migrate returned nothing: return the config");
    if (lua_isnil(L, stash)) { /* what the prelude's keep() put aside */
        lua_getglobal(L, "kept");
        lua_call(L, 0, 1);
        lua_replace(L, stash);
    }
    put_plain(L, "{\"config\":");
    put_value(L, config, 0);
    if (!lua_isnil(L, stash)) {
        put_plain(L, ",\"stash\":");
        put_value(L, stash, 0);
    }
    put_plain(L, "}");
    return 0;
}

/* The error object as {error, pointer}; 0 when it is no refusal. */
static int answer_refusal(lua_State *L) {
    size_t length;
    if (!lua_istable(L, -1) || !lua_getmetatable(L, -1)) return 0;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &refusal_type);
    if (!lua_rawequal(L, -1, -2)) return 0;
    lua_pop(L, 2);
    answer_length = 0;
    lua_rawgeti(L, -1, 1);
    const char *text = lua_tolstring(L, -1, &length);
    put_plain(L, "{\"error\":");
    put_string(L, text, length);
    if (lua_rawgeti(L, -2, 2) == LUA_TSTRING) {
        text = lua_tolstring(L, -1, &length);
        put_plain(L, ",\"pointer\":");
        put_string(L, text, length);
    }
    put_plain(L, "}");
    return 1;
}

EXPORT("vq_abi_version") int vq_abi_version(void) { return 1; }

EXPORT("vq_alloc") void *vq_alloc(size_t size) { return calloc(size + 1, 1); } /* a zero behind it ends every scan */

EXPORT("vq_up") unsigned long long vq_up(const char *envelope, size_t length) {
    reader in = {envelope, envelope + length};
    lua_State *L = luaL_newstate();
    if (!L) __builtin_trap();
    lua_pushcfunction(L, migrate);
    lua_pushlightuserdata(L, &in);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK && !answer_refusal(L)) {
        const char *text = lua_isstring(L, -1) ? lua_tostring(L, -1) : "the script raised something that is no text";
        fflush(stdout);
        versiqii_abort(text, strlen(text));
        __builtin_trap();
    }
    fflush(stdout);
    return (unsigned long long)(size_t)answer << 32 | answer_length;
}
