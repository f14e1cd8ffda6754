import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { cryptoWaitReady, naclEncrypt, sr25519PairFromSeed, sr25519Verify } from "@polkadot/util-crypto";
import { deriveHotkey, HotkeyFileError } from "#shared/chain/hotkey.ts";
import { hotkeyPath, readHotkeyFile } from "#shared/chain/hotkey-file.ts";

// The development account //Alice, as published in every Substrate document.
const aliceSeed = "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
const alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const phrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
const phraseAddress = "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV";

let folder: string;
let private_key: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hotkey-"));
  await cryptoWaitReady();
  private_key = canonicalPrivateKey(sr25519PairFromSeed(aliceSeed).secretKey);
});
afterAll(async () => await rm(folder, { recursive: true }));

describe("a hotkey file", () => {
  test("is read as phrase, seed or private key, and signs as its address", async () => {
    const forms: [string, string][] = [
      [JSON.stringify({ secretPhrase: phrase, ss58Address: phraseAddress }), phraseAddress],
      [JSON.stringify({ secretSeed: aliceSeed, ss58Address: alice, cryptoType: 1 }), alice],
      [JSON.stringify({ privateKey: private_key, ss58Address: alice, cryptoType: "1" }), alice],
      [JSON.stringify({ secretSeed: aliceSeed, " ss58Address": alice, secretPhrase: null }), alice],
      [`${aliceSeed}\n`, alice],
      [phrase, phraseAddress],
    ];
    const message = new TextEncoder().encode("0x12");
    for (const [text, address] of forms) {
      const hotkey = await deriveHotkey(text);
      expect(hotkey.address).toBe(address);
      expect(sr25519Verify(message, hotkey.sign(message), hotkey.public_key)).toBe(true);
    }
  });

  test("prefers the phrase, then the seed, and refuses one that belongs to another address", async () => {
    const both = await deriveHotkey(JSON.stringify({ secretPhrase: phrase, secretSeed: aliceSeed }));
    expect(both.address).toBe(phraseAddress);
    await refusal(JSON.stringify({ secretSeed: aliceSeed, ss58Address: phraseAddress }), "mismatch");
    await refusal(JSON.stringify({ privateKey: private_key, " ss58Address": phraseAddress }), "mismatch");
  });

  test.each([
    ["another curve", JSON.stringify({ secretSeed: aliceSeed, cryptoType: 0 }), "crypto_type"],
    ["a newer account type", JSON.stringify({ secretSeed: aliceSeed, evmAddress: "0x00" }), "crypto_type"],
    ["no secret", JSON.stringify({ ss58Address: alice }), "form"],
    ["a wrong phrase", JSON.stringify({ secretPhrase: phrase.replace("walk", "bottom") }), "form"],
    ["a short seed", JSON.stringify({ secretSeed: "0x12" }), "form"],
    ["something else", "hello", "form"],
    ["a list", "[]", "form"],
  ])("is refused when it holds %s", async (_what, text, code) => {
    await refusal(text, code);
  });

  test("keeps the secret out of the error", async () => {
    const error = await deriveHotkey(`{"secretSeed": "${aliceSeed}"`).catch((caught: unknown) => caught);
    expect(String(error)).not.toContain(aliceSeed.slice(2, 10));
  });

  test("readable by others is loaded with a warning", async () => {
    const path = join(folder, "wide");
    await writeFile(path, aliceSeed);
    await chmod(path, 0o644);
    expect((await readHotkeyFile(path)).warnings).toEqual([expect.stringContaining("mode 0644")]);
    await chmod(path, 0o600);
    expect((await readHotkeyFile(path)).warnings).toEqual([]);
  });

  test("encrypted with NaCl opens with its password alone", async () => {
    const path = join(folder, "sealed");
    // Argon2i of "open sesame" under the format's salt and cost.
    const key = Buffer.from("0050d3d1856b6c76277892ffa7753bcb1529a9db4c2c88c6b7eff094d40ccd03", "hex");
    const { encrypted, nonce } = naclEncrypt(
      Buffer.from(JSON.stringify({ secretSeed: aliceSeed, ss58Address: alice })),
      key,
    );
    await writeFile(path, Buffer.concat([Buffer.from("$NACL"), nonce, encrypted]), { mode: 0o600 });
    expect((await readHotkeyFile(path, { password: "open sesame" })).hotkey.address).toBe(alice);
    await fileRefusal(path, "password");
    await fileRefusal(path, "password", "wrong");
  }, 60_000);

  test.each(["$ANSIBLE_VAULT;1.1;AES256\n00", "gAAAAABk"])(
    "encrypted as %s is refused with the way out",
    async (text) => {
      const path = join(folder, "foreign");
      await writeFile(path, text, { mode: 0o600 });
      const error = await fileRefusal(path, "encryption");
      expect(error.message).toContain("encrypt it again");
    },
  );

  test("missing says so", async () => {
    await fileRefusal(join(folder, "absent"), "unreadable");
  });

  test("lies where Bittensor's tools put it", () => {
    expect(hotkeyPath({ name: "default", hotkey: "miner" })).toBe(
      `${homedir()}/.bittensor/wallets/default/hotkeys/miner`,
    );
    expect(hotkeyPath({ path: "/w", name: "a", hotkey: "b" })).toBe("/w/a/hotkeys/b");
  });
});

async function refusal(text: string, code: string): Promise<void> {
  const error = await deriveHotkey(text).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(HotkeyFileError);
  expect((error as HotkeyFileError).code as string).toBe(code);
}

async function fileRefusal(path: string, code: string, password?: string): Promise<HotkeyFileError> {
  const error = await readHotkeyFile(path, password === undefined ? {} : { password }).catch(
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(HotkeyFileError);
  expect((error as HotkeyFileError).code as string).toBe(code);
  return error as HotkeyFileError;
}

/** schnorrkel's canonical form: the scalar of polkadot's secret divided by the cofactor 8. */
function canonicalPrivateKey(secret: Uint8Array): string {
  const scaled = BigInt(`0x${Buffer.from(secret.slice(0, 32)).reverse().toString("hex")}`);
  const scalar = Buffer.from((scaled / 8n).toString(16).padStart(64, "0"), "hex").reverse();
  return `0x${Buffer.concat([scalar, secret.slice(32)]).toString("hex")}`;
}
