const chars_max = 100;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Controls, format characters, separators other than a space, half surrogates, and what would end the quotes. */
const hidden = /[\p{C}\p{Zl}\p{Zp}"\\]/gu;

/** A name of an archive in quotes, escaped and cut, so that a terminal, a log and a person may have it. */
export function shownName(name: Uint8Array | string): string {
  const text = typeof name === "string" ? name : textOf(name);
  const characters = [...text.slice(0, 4 * chars_max)];
  const cut = characters.length > chars_max ? `${characters.slice(0, chars_max).join("")}…` : characters.join("");
  return `"${cut.replace(hidden, escaped)}"`;
}

function textOf(bytes: Uint8Array): string {
  const head = bytes.subarray(0, 4 * chars_max);
  try {
    return utf8.decode(head);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    // Not UTF-8, or cut inside a character: ASCII as it is, each other byte by its number.
    return Array.from(head, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : `<${byte.toString(16)}>`)).join("");
  }
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === '"' || character === "\\") return `\\${character}`;
  if (code === 0x0a) return "\\n";
  if (code === 0x0d) return "\\r";
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}
