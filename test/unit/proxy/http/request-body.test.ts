import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { RequestBody } from "../../../../roles/proxy/http/request-body.ts";

/** `bytes` cut at `cuts`. */
function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

/** What the body and what follows it are when they arrive in `pieces`. */
async function read(length: number | null, pieces: readonly Buffer[]) {
  const body = new RequestBody(length, () => undefined);
  const found: Buffer[] = [];
  body.on("data", (piece: Buffer) => found.push(piece));
  const ended = new Promise((resolve) => body.on("end", resolve));
  const rest: Buffer[] = [];
  for (const piece of pieces) rest.push(body.isComplete ? piece : body.accept(piece));
  await ended;
  return { body: Buffer.concat(found), rest: Buffer.concat(rest).toString("latin1") };
}

const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array));
const cuts = fc.array(fc.nat(2_000), { maxLength: 60 });
const next = "GET / HTTP/1.1\r\n\r\n";

describe("a request's body", () => {
  test("of known length is the same however its bytes are cut, and what follows is not touched", async () => {
    await fc.assert(
      fc.asyncProperty(bytes, cuts, async (content, where) => {
        const pieces = cutAt(Buffer.concat([content, Buffer.from(next)]), where);
        expect(await read(content.length, pieces)).toEqual({ body: content, rest: next });
      }),
    );
  });

  test("in chunks is the same however chunks and bytes are cut, and what follows is not touched", async () => {
    const extension = fc.constantFrom("", ";a", " ;a=b");
    await fc.assert(
      fc.asyncProperty(bytes, cuts, cuts, extension, async (content, chunking, where, ext) => {
        const chunks = cutAt(content, chunking).filter(({ length }) => length > 0);
        const framed = chunks.flatMap((chunk) => [`${chunk.length.toString(16)}${ext}\r\n`, chunk, "\r\n"]);
        const whole = [...framed, "0\r\nX-Trailer: 1\r\n\r\n", next].map((part) => Buffer.from(part as string));
        expect(await read(null, cutAt(Buffer.concat(whole), where))).toEqual({ body: content, rest: next });
      }),
    );
  });

  test.each([
    ["a size that is none", "x\r\n"],
    ["no size", "\r\n"],
    ["a signed size", "+1\r\na\r\n0\r\n\r\n"],
    ["a size in another base", "0x1\r\na\r\n0\r\n\r\n"],
    ["a size beyond any number", `${"f".repeat(13)}\r\n`],
    ["a bare line feed", "1\na\r\n0\r\n\r\n"],
    ["a bare carriage return", "1\r\ra\r\n0\r\n\r\n"],
    ["a chunk that is longer than it says", "1\r\nab\r\n0\r\n\r\n"],
    ["a line without end", "1;".padEnd(5_000, "a")],
    ["endless trailers", `0\r\n${"X: 1\r\n".repeat(5_000)}`],
  ])("in chunks with %s is refused", (_, text) => {
    const body = new RequestBody(null, () => undefined);
    body.on("error", () => undefined);
    expect(() => body.accept(Buffer.from(text))).toThrow(/chunk|trailers/);
  });
});
