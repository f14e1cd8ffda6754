import { beforeAll, describe, expect, test } from "bun:test";
import { Keyring } from "@polkadot/keyring";
import { cryptoWaitReady } from "@polkadot/util-crypto";
import { publicKeyOf } from "#shared/auth/ss58.ts";

let alice: ReturnType<Keyring["addFromUri"]>;
beforeAll(async () => {
  await cryptoWaitReady();
  alice = new Keyring({ type: "sr25519", ss58Format: 42 }).addFromUri("//Alice");
});
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("an ss58 address", () => {
  test("gives its public key for any network, and nothing when a character is wrong", () => {
    expect(hex(publicKeyOf(alice.address) ?? new Uint8Array())).toBe(hex(alice.publicKey));
    const kusama = new Keyring({ type: "sr25519", ss58Format: 2 }).addFromUri("//Alice").address;
    const long = new Keyring({ type: "sr25519", ss58Format: 172 }).addFromUri("//Alice").address;
    expect(hex(publicKeyOf(kusama) ?? new Uint8Array())).toBe(hex(alice.publicKey));
    expect(hex(publicKeyOf(long) ?? new Uint8Array())).toBe(hex(alice.publicKey));
    for (let at = 0; at < alice.address.length; at += 1) {
      const wrong = `${alice.address.slice(0, at)}${alice.address[at] === "2" ? "3" : "2"}${alice.address.slice(at + 1)}`;
      expect(publicKeyOf(wrong)).toBeNull();
    }
  });
});
