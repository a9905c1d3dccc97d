// Versiqii migration guests in AssemblyScript, ABI version 1: one module, no dependencies, no imports.
//
// A migration is two functions that change a config in place:
//
//     import { Config, run } from "./versiqii";
//     export { vq_abi_version, vq_alloc } from "./versiqii";
//
//     function up(config: Config): void { config.move("/depth", "/limits/depth"); }
//     function down(config: Config): void { config.move("/limits/depth", "/depth"); }
//
//     export function vq_up(at: usize, length: usize): u64 { return run(at, length, up); }
//     export function vq_down(at: usize, length: usize): u64 { return run(at, length, down); }
//
// Places are JSON Pointers whose names hold neither ~ nor /, through objects only. The first failure counts (a member
// that is not there, or refuse); from then on nothing changes any more, and the answer is {error, pointer}.
//
// The envelope comes in RFC 8785 form, so a string or number has exactly one way to be written. Scalars are kept and
// compared as that text, and numbers keep every digit.

export enum Kind { Scalar, Array, Object }

/** A JSON value. A scalar is its JSON text; the names of members stand beside the items, without their quotes. */
export class Value {
  text: string = "";
  names: string[] = [];
  items: Value[] = [];

  constructor(public kind: Kind) {}

  static object(): Value { return new Value(Kind.Object); }

  /** A number by its literal, as RFC 8785 writes it: 0.5, never 5e-1. */
  static number(literal: string): Value {
    const value = new Value(Kind.Scalar);
    value.text = literal;
    return value;
  }

  static bool(yes: bool): Value { return Value.number(yes ? "true" : "false"); }

  /** A string by plain text: no quote, backslash or control character. */
  static string(plain: string): Value { return Value.number('"' + plain + '"'); }

  member(name: string): Value | null {
    const at = this.names.indexOf(name);
    return at < 0 ? null : this.items[at];
  }

  equals(other: Value): bool {
    if (this.kind != other.kind || this.text != other.text || this.items.length != other.items.length) return false;
    for (let i = 0; i < this.items.length; i++) {
      const match = this.kind == Kind.Object ? other.member(this.names[i]) : other.items[i];
      if (match == null || !this.items[i].equals(match)) return false;
    }
    return true;
  }

  toString(): string {
    if (this.kind == Kind.Scalar) return this.text;
    const parts = new Array<string>(this.items.length);
    for (let i = 0; i < this.items.length; i++) {
      const written = this.items[i].toString();
      parts[i] = this.kind == Kind.Object ? '"' + this.names[i] + '":' + written : written;
    }
    return (this.kind == Kind.Object ? "{" : "[") + parts.join(",") + (this.kind == Kind.Object ? "}" : "]");
  }

  put(name: string, value: Value): void {
    this.drop(name);
    this.names.push(name);
    this.items.push(value);
  }

  drop(name: string): void {
    const at = this.names.indexOf(name);
    if (at < 0) return;
    this.names.splice(at, 1);
    this.items.splice(at, 1);
  }
}

/** Reads what the daemon wrote. What is not JSON here is a bug of ours, and a trap is the honest answer. */
class Reader {
  at: i32 = 0;

  constructor(private text: string) {}

  value(): Value {
    const first = this.peek();
    if (first == 0x7b) return this.many(Kind.Object, 0x7d);
    if (first == 0x5b) return this.many(Kind.Array, 0x5d);
    const value = new Value(Kind.Scalar);
    if (first == 0x22) {
      value.text = this.string();
      return value;
    }
    const start = this.at;
    while (this.at < this.text.length) {
      const next = this.peek();
      if (next == 0x2c || next == 0x7d || next == 0x5d) break;
      this.at++;
    }
    value.text = this.text.substring(start, this.at);
    return value;
  }

  private peek(): i32 {
    if (this.at >= this.text.length) unreachable();
    return this.text.charCodeAt(this.at);
  }

  private many(kind: Kind, close: i32): Value {
    const value = new Value(kind);
    this.at++;
    while (this.peek() != close) {
      if (this.peek() == 0x2c) this.at++;
      if (kind == Kind.Object) {
        const name = this.string();
        value.names.push(name.substring(1, name.length - 1));
        this.at++; // the colon
      }
      value.items.push(this.value());
    }
    this.at++;
    return value;
  }

  private string(): string {
    const start = this.at++;
    while (this.peek() != 0x22) this.at += this.peek() == 0x5c ? 2 : 1;
    this.at++;
    return this.text.substring(start, this.at);
  }
}

/** The config on its way, and what is put aside for the way back. */
export class Config {
  stashOut: Value = Value.object();
  error: string = "";
  pointer: string = "";

  constructor(public root: Value, private stashIn: Value) {}

  /** Refuse the config: a plain sentence for the operator, and the place in the config as it came in. */
  refuse(sentence: string, pointer: string): void {
    if (this.error.length) return;
    this.error = sentence;
    this.pointer = pointer;
  }

  /** The value there, or null. */
  at(pointer: string): Value | null {
    const parent = this.parent(pointer, false);
    return parent == null ? null : parent.member(nameOf(pointer));
  }

  /** Remove and return the value there; not there is a refusal, and JSON's null. */
  take(pointer: string): Value {
    const value = this.at(pointer);
    if (value == null || this.error.length) {
      this.refuse("a member is missing that this migration needs", pointer);
      return Value.number("null");
    }
    this.parent(pointer, false)!.drop(nameOf(pointer));
    return value;
  }

  /** Put a value there, over what is there; objects on the way are made. */
  set(pointer: string, value: Value): void {
    if (this.error.length) return;
    const parent = this.parent(pointer, true);
    if (parent == null) this.refuse("something that is no object is in the way of this migration", pointer);
    else parent.put(nameOf(pointer), value);
  }

  move(from: string, to: string): void {
    this.set(to, this.take(from));
  }

  /** Going down: remove what the older version cannot say, and keep it in the stash unless it is what going up would
   * put there anyway. */
  keep(pointer: string, usual: Value): void {
    const value = this.take(pointer);
    if (!value.equals(usual)) this.stashOut.put(pointer, value);
  }

  /** Going up: put there what was kept, or what is usual when nothing was. */
  restore(pointer: string, usual: Value): void {
    const kept = this.stashIn.member(pointer);
    this.set(pointer, kept == null ? usual : kept);
  }

  answer(): string {
    const answer = Value.object();
    if (this.error.length) {
      answer.put("error", Value.string(this.error));
      answer.put("pointer", Value.string(this.pointer));
    } else {
      answer.put("config", this.root);
      if (this.stashOut.items.length) answer.put("stash", this.stashOut);
    }
    return answer.toString();
  }

  private parent(pointer: string, make: bool): Value | null {
    const names = pointer.split("/");
    let place: Value = this.root;
    for (let i = 1; i < names.length - 1; i++) {
      let next = place.member(names[i]);
      if (next == null) {
        if (!make || place.kind != Kind.Object) return null;
        next = Value.object();
        place.put(names[i], next);
      }
      place = next;
    }
    return place.kind == Kind.Object ? place : null;
  }
}

function nameOf(pointer: string): string {
  return pointer.substring(pointer.lastIndexOf("/") + 1);
}

/** The entry points' work: the envelope at this place, and the place and length of the answer, packed. */
export function run(at: usize, length: usize, direction: (config: Config) => void): u64 {
  const envelope = new Reader(String.UTF8.decodeUnsafe(at, length)).value();
  const stash = envelope.member("stash");
  const config = new Config(envelope.member("config")!, stash == null ? Value.object() : stash);
  direction(config);
  const out = String.UTF8.encode(config.answer());
  return (<u64>changetype<usize>(out) << 32) | <u64>out.byteLength;
}

export function vq_abi_version(): i32 { return 1; }

export function vq_alloc(size: usize): usize { return heap.alloc(size); }
