import { argon2 } from "node:crypto";
import { HotkeyFileError } from "./hotkey.ts";

/** PyNaCl's secretbox keyfile: `$NACL` ‖ 24-byte nonce ‖ XSalsa20-Poly1305. */
const NACL_PREFIX = Buffer.from("$NACL");
const REFUSED_PREFIXES = [
  { prefix: Buffer.from("$ANSIBLE_VAULT"), form: "Ansible Vault" },
  { prefix: Buffer.from("gAAAAA"), form: "Fernet" },
];
const NONCE_BYTES = 24;
const KEY_BYTES = 32;
/** The salt and the cost are constants of Bittensor's wallet library ("sensitive" limits of libsodium). */
const SALT = Buffer.from("137183dff15a09bc9c90b5518739e9b1", "hex");
const PASSES = 8;
const MEMORY_KIB = 512 * 1024;

/** True for an encrypted file of a form we open; throws {@link HotkeyFileError} for the encrypted forms we refuse. */
export function isSealedKeyfile(bytes: Buffer): boolean {
  for (const { prefix, form } of REFUSED_PREFIXES) {
    if (bytes.subarray(0, prefix.length).equals(prefix)) {
      throw new HotkeyFileError(
        "encryption",
        `hotkey files encrypted with ${form} are not supported: decrypt it with btcli and encrypt it again (NaCl), or store it in the clear with mode 0600`,
      );
    }
  }
  return bytes.subarray(0, NACL_PREFIX.length).equals(NACL_PREFIX);
}

/** Decrypts a `$NACL` file. Takes seconds and 512 MiB, as the format wants. Throws {@link HotkeyFileError} without or with a wrong password. */
export async function openSealedKeyfile(bytes: Buffer, password: string | undefined): Promise<Buffer> {
  if (password === undefined)
    throw new HotkeyFileError("password", "the hotkey file is encrypted: give hotkey_password_file");
  const { naclDecrypt } = await import("@polkadot/util-crypto");
  const key = await keyFromPassword(password);
  const nonce = bytes.subarray(NACL_PREFIX.length, NACL_PREFIX.length + NONCE_BYTES);
  if (nonce.length < NONCE_BYTES) throw new HotkeyFileError("form", "the encrypted hotkey file is cut short");
  const opened = naclDecrypt(bytes.subarray(NACL_PREFIX.length + NONCE_BYTES), nonce, key);
  if (opened === null) throw new HotkeyFileError("password", "the password does not open the hotkey file");
  return Buffer.from(opened);
}

async function keyFromPassword(password: string): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const cost = { parallelism: 1, tagLength: KEY_BYTES, memory: MEMORY_KIB, passes: PASSES };
  argon2("argon2i", { message: Buffer.from(password), nonce: SALT, ...cost }, (error, key) =>
    error === null ? resolve(key) : reject(error),
  );
  return await promise;
}
