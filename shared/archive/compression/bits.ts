import { truncatedStream } from "./stream-error.ts";

/** Reads bits of `bytes`, the highest of each byte first. Throws ArchiveError behind the end. */
export class Bits {
  readonly #bytes: Uint8Array;
  readonly #form: string;
  #at = 0;
  #held = 0;
  #held_bits = 0;

  constructor(bytes: Uint8Array, form: string) {
    this.#bytes = bytes;
    this.#form = form;
  }

  /** A number of at most 24 bits. */
  read(bits: number): number {
    while (this.#held_bits < bits) {
      if (this.#at >= this.#bytes.length) throw truncatedStream(this.#form);
      this.#held = ((this.#held << 8) | (this.#bytes[this.#at++] as number)) & 0x7fffffff;
      this.#held_bits += 8;
    }
    this.#held_bits -= bits;
    return (this.#held >>> this.#held_bits) & (2 ** bits - 1);
  }

  read32(): number {
    return this.read(16) * 65_536 + this.read(16);
  }

  /** Goes on to the next whole byte. */
  align(): void {
    this.#held_bits -= this.#held_bits % 8;
  }

  get isAtEnd(): boolean {
    return this.#held_bits === 0 && this.#at === this.#bytes.length;
  }
}
