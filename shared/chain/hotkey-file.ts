import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { deriveHotkey, type Hotkey, HotkeyFileError } from "./hotkey.ts";
import { isSealedKeyfile, openSealedKeyfile } from "./sealed-keyfile.ts";

/** A hotkey read from disk, with what the operator should know about the file. */
export interface LoadedHotkey {
  readonly hotkey: Hotkey;
  readonly warnings: readonly string[];
}

const file_bytes_max = 64 * 1024;
const group_and_others = 0o077;

/** Where Bittensor's tools keep a hotkey: `<wallets>/<name>/hotkeys/<hotkey>`, wallets by default under `~/.bittensor/wallets`. */
export function hotkeyPath(wallet: { readonly path?: string; readonly name: string; readonly hotkey: string }): string {
  const wallets = (wallet.path ?? "~/.bittensor/wallets").replace(/^~(?=\/|$)/, homedir());
  return join(wallets, wallet.name, "hotkeys", wallet.hotkey);
}

/**
 * Reads a hotkey file in any of the forms of chain §2: JSON, bare seed or mnemonic, or `$NACL` with `password`.
 *
 * @throws HotkeyFileError for a form that is refused, a wrong password, or an address that does not match; it never quotes the content
 */
export async function readHotkeyFile(
  path: string,
  options: { readonly password?: string } = {},
): Promise<LoadedHotkey> {
  const { size, mode } = await stat(path).catch((cause: unknown) => {
    throw new HotkeyFileError("unreadable", `${path}: cannot be read`, { cause });
  });
  if (size > file_bytes_max) throw new HotkeyFileError("form", `${path}: ${size} bytes are too many for a hotkey file`);
  const warnings =
    (mode & group_and_others) === 0
      ? []
      : [`${path}: mode ${(mode & 0o777).toString(8).padStart(4, "0")} lets others read the hotkey; expected 0600`];
  const bytes = await readFile(path);
  const plain = isSealedKeyfile(bytes) ? await openSealedKeyfile(bytes, options.password) : bytes;
  return { hotkey: await deriveHotkey(plain.toString("utf8")), warnings };
}
