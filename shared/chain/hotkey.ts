import { ristretto255 } from "@noble/curves/ed25519.js";
import { readJson } from "../json/read-json.ts";

/** An sr25519 hotkey that can sign. The secret stays inside. */
export interface Hotkey {
  /** ss58 with prefix 42. */
  readonly address: string;
  readonly public_key: Uint8Array;
  /** Signs bytes, never text: a string beginning with 0x would be read as hex. */
  sign(message: Uint8Array): Uint8Array;
}

/** The hotkey file cannot be used; `code` is stable, the message never quotes secrets. */
export class HotkeyFileError extends Error {
  override readonly name = "HotkeyFileError";
  readonly code: "unreadable" | "form" | "encryption" | "password" | "crypto_type" | "mismatch";

  constructor(code: HotkeyFileError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const ss58_prefix = 42;
const hex32Bytes = /^0x[0-9a-f]{64}$/i;
const hex64Bytes = /^0x[0-9a-f]{128}$/i;
const mnemonicPattern = /^[a-z]+( [a-z]+){11,23}$/;
const knownFields = new Set([
  "accountId",
  "publicKey",
  "privateKey",
  "secretPhrase",
  "secretSeed",
  "ss58Address",
  "cryptoType",
]);
const sr25519CryptoTypes = new Set<unknown>([undefined, null, 1, "1"]);

interface Secrets {
  readonly phrase?: string;
  readonly seed?: string;
  readonly private_key?: string;
  readonly address?: string;
}

interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/** Derives the hotkey from a decrypted file's text (chain §2). @throws HotkeyFileError for a text that holds no usable key */
export async function deriveHotkey(text: string): Promise<Hotkey> {
  const secrets = readSecrets(text.trim());
  const crypto = await import("@polkadot/util-crypto");
  await crypto.cryptoWaitReady();
  const pair = pairOf(secrets, crypto);
  const address = crypto.encodeAddress(pair.publicKey, ss58_prefix);
  if (secrets.address !== undefined && secrets.address !== address) {
    throw new HotkeyFileError(
      "mismatch",
      `the secret in the hotkey file belongs to ${address}, but the file says ${secrets.address}`,
    );
  }
  return { address, public_key: pair.publicKey, sign: (message) => crypto.sr25519Sign(message, pair) };
}

function pairOf(secrets: Secrets, crypto: typeof import("@polkadot/util-crypto")): KeyPair {
  if (secrets.phrase !== undefined) {
    if (!crypto.mnemonicValidate(secrets.phrase))
      throw new HotkeyFileError("form", "the hotkey file's phrase is not a valid mnemonic");
    return crypto.sr25519PairFromSeed(crypto.mnemonicToMiniSecret(secrets.phrase));
  }
  if (secrets.seed !== undefined) return crypto.sr25519PairFromSeed(Buffer.from(secrets.seed.slice(2), "hex"));
  if (secrets.private_key !== undefined) return pairFromPrivateKey(Buffer.from(secrets.private_key.slice(2), "hex"));
  throw new HotkeyFileError("form", "the hotkey file holds no secret: expected secretPhrase, secretSeed or privateKey");
}

/** schnorrkel's canonical scalar must be multiplied by the cofactor 8 for functions that expect the ed25519 form. */
function pairFromPrivateKey(private_key: Uint8Array): KeyPair {
  const canonical = BigInt(`0x${Buffer.from(private_key.subarray(0, 32)).reverse().toString("hex")}`);
  const order = ristretto255.Point.Fn.ORDER;
  if (canonical === 0n || canonical >= order)
    throw new HotkeyFileError("form", "privateKey is no canonical sr25519 key");
  const scaled = Buffer.from((canonical * 8n).toString(16).padStart(64, "0"), "hex").reverse();
  return {
    publicKey: ristretto255.Point.BASE.multiply(canonical).toBytes(),
    secretKey: Buffer.concat([scaled, private_key.subarray(32)]),
  };
}

function readSecrets(text: string): Secrets {
  if (hex32Bytes.test(text)) return { seed: text };
  if (mnemonicPattern.test(text)) return { phrase: text };
  return secretsOf(parseObject(text));
}

function parseObject(text: string): Map<string, unknown> {
  const refusal = "expected one JSON object, a 0x seed or a mnemonic in the hotkey file";
  // The parser's message is left out: it quotes the text, which may be a secret.
  const value = readJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new HotkeyFileError("form", refusal);
  // Old files have " ss58Address" with a leading space.
  return new Map(Object.entries(value).map(([name, field]) => [name.trim(), field]));
}

function secretsOf(fields: Map<string, unknown>): Secrets {
  if (!sr25519CryptoTypes.has(fields.get("cryptoType"))) {
    throw new HotkeyFileError(
      "crypto_type",
      `cryptoType ${String(fields.get("cryptoType"))}: only sr25519 (1) hotkeys can set weights`,
    );
  }
  const unknown = [...fields.keys()].filter((name) => !knownFields.has(name));
  if (unknown.length > 0) {
    throw new HotkeyFileError(
      "crypto_type",
      `the hotkey file has the unknown field ${unknown.join(", ")}: only sr25519 accounts are supported`,
    );
  }
  const phrase = field(fields, "secretPhrase", /^\s*[a-z]+(\s+[a-z]+){11,23}\s*$/, "12 to 24 words");
  const seed = field(fields, "secretSeed", hex32Bytes, "0x and 64 hex digits");
  const private_key = field(fields, "privateKey", hex64Bytes, "0x and 128 hex digits");
  const address = field(fields, "ss58Address", /^[1-9A-HJ-NP-Za-km-z]{40,60}$/, "an ss58 address");
  return {
    ...(phrase === undefined ? {} : { phrase: phrase.trim().replaceAll(/\s+/g, " ") }),
    ...(seed === undefined ? {} : { seed }),
    ...(private_key === undefined ? {} : { private_key }),
    ...(address === undefined ? {} : { address }),
  };
}

function field(fields: Map<string, unknown>, name: string, form: RegExp, expected: string): string | undefined {
  const value = fields.get(name);
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string" || !form.test(value))
    throw new HotkeyFileError("form", `${name}: expected ${expected}`);
  return value;
}
