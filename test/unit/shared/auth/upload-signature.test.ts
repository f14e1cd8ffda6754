import { beforeAll, describe, expect, test } from "bun:test";
import { Keyring } from "@polkadot/keyring";
import { u8aWrapBytes } from "@polkadot/util";
import { cryptoWaitReady } from "@polkadot/util-crypto";
import fc from "fast-check";
import { isSignedUpload, signUpload, type UploadClaim, uploadPath, uploadText } from "#shared/auth/upload-signature.ts";

let alice: ReturnType<Keyring["addFromUri"]>;
let bob: typeof alice;
let claim: UploadClaim;
beforeAll(async () => {
  await cryptoWaitReady();
  const keyring = new Keyring({ type: "sr25519", ss58Format: 42 });
  alice = keyring.addFromUri("//Alice");
  bob = keyring.addFromUri("//Bob");
  claim = {
    netuid: 7,
    slug: "demo",
    method: "POST",
    path: "/v1/challenges/demo/submissions",
    hotkey: alice.address,
    nonce: "n-1",
    timestamp: "1700000000",
    body_sha256: "ab".repeat(32),
  };
});
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("the text of an upload", () => {
  test("is the contract's, byte for byte", () => {
    expect(uploadText({ ...claim, hotkey: "HK" })).toBe(
      `platform-upload-v1:7:demo:POST:/v1/challenges/demo/submissions:HK:n-1:1700000000:${"ab".repeat(32)}`,
    );
  });
});

describe("an upload's signature", () => {
  test("holds plain and wrapped, with 0x and without", async () => {
    const plain = alice.sign(uploadText(claim));
    const wrapped = alice.sign(u8aWrapBytes(uploadText(claim)));
    expect(await isSignedUpload(claim, hex(plain))).toBe(true);
    expect(await isSignedUpload(claim, `0x${hex(plain).toUpperCase()}`)).toBe(true);
    expect(await isSignedUpload(claim, hex(wrapped))).toBe(true);
  });

  test("does not hold for another key or any other claim", async () => {
    const signature = hex(alice.sign(uploadText(claim)));
    const others: Partial<UploadClaim>[] = [
      { netuid: 8 },
      { slug: "other" },
      { method: "PUT" },
      { path: "/x" },
      { hotkey: bob.address },
      { nonce: "n-2" },
      { timestamp: "+1700000000" },
      { body_sha256: "cd".repeat(32) },
    ];
    for (const other of others) expect(await isSignedUpload({ ...claim, ...other }, signature)).toBe(false);
  });

  test("is refused, never thrown at, when it or the hotkey is no such thing", async () => {
    const word = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 128, maxLength: 128 }),
    );
    await fc.assert(
      fc.asyncProperty(word, fc.oneof(fc.string(), fc.constant(alice.address)), async (signature, hotkey) => {
        expect(await isSignedUpload({ ...claim, hotkey }, signature)).toBe(false);
      }),
    );
  });

  test("made by signUpload holds for the claim it stands for", async () => {
    const body = Buffer.from("print(1)");
    const headers = signUpload(alice, { netuid: 7, slug: "demo", body, timestamp: 1_700_000_000, nonce: "n-1" });
    const body_sha256 = new Bun.CryptoHasher("sha256").update(body).digest("hex");
    expect(headers).toMatchObject({ "x-hotkey": alice.address, "x-nonce": "n-1", "x-timestamp": "1700000000" });
    expect(await isSignedUpload({ ...claim, body_sha256 }, headers["x-signature"] ?? "")).toBe(true);
    expect(uploadPath("My Demo")).toBe("/v1/challenges/My%20Demo/submissions");
  });
});
