import { argon2 } from "node:crypto";
import { HotkeyFileError } from "./hotkey.ts";

/** PyNaCl's secretbox keyfile: `$NACL` ‖ 24-byte nonce ‖ XSalsa20-Poly1305. */
const naclPrefix = Buffer.from("$NACL");
const refusedPrefixes = [
  { prefix: Buffer.from("$ANSIBLE_VAULT"), form: "Ansible Vault" },
  { prefix: Buffer.from("gAAAAA"), form: "Fernet" },
];
const nonce_bytes = 24;
const key_bytes = 32;
/** The salt and the cost are constants of Bittensor's wallet library ("sensitive" limits of libsodium). */
const argonSalt = Buffer.from("137183dff15a09bc9c90b5518739e9b1", "hex");
const argon_passes = 8;
const argon_memory_kib = 512 * 1024;

/** Whether the file is encrypted in the form that we open. @throws HotkeyFileError for an encrypted form that we refuse */
export function isSealedKeyfile(bytes: Buffer): boolean {
  for (const { prefix, form } of refusedPrefixes) {
    if (bytes.subarray(0, prefix.length).equals(prefix)) {
      throw new HotkeyFileError(
        "encryption",
        `hotkey files encrypted with ${form} are not supported: decrypt it with btcli and encrypt it again (NaCl), or store it in the clear with mode 0600`,
      );
    }
  }
  return bytes.subarray(0, naclPrefix.length).equals(naclPrefix);
}

/** Decrypts a `$NACL` file. The format makes this take seconds and 512 MiB. @throws HotkeyFileError for a missing or wrong password */
export async function openSealedKeyfile(bytes: Buffer, password: string | undefined): Promise<Buffer> {
  if (password === undefined)
    throw new HotkeyFileError("password", "the hotkey file is encrypted: give hotkey_password_file");
  const { naclDecrypt } = await import("@polkadot/util-crypto");
  const key = await keyFromPassword(password);
  const nonce = bytes.subarray(naclPrefix.length, naclPrefix.length + nonce_bytes);
  if (nonce.length < nonce_bytes) throw new HotkeyFileError("form", "the encrypted hotkey file is cut short");
  const opened = naclDecrypt(bytes.subarray(naclPrefix.length + nonce_bytes), nonce, key);
  if (opened === null) throw new HotkeyFileError("password", "the password does not open the hotkey file");
  return Buffer.from(opened);
}

async function keyFromPassword(password: string): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const cost = { parallelism: 1, tagLength: key_bytes, memory: argon_memory_kib, passes: argon_passes };
  argon2("argon2i", { message: Buffer.from(password), nonce: argonSalt, ...cost }, (error, key) =>
    error === null ? resolve(key) : reject(error),
  );
  return await promise;
}
