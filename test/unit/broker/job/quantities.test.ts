import { expect, test } from "bun:test";
import { parseBytes, parseTmpfs, parseUlimit } from "../../../../roles/broker/job/quantities.ts";

test("sizes, tmpfs and ulimits are read as Docker writes them", () => {
  expect(["4g", "512m", "1.5GiB", "10", "0", "much", "-1g"].map(parseBytes)).toEqual([
    2 ** 32,
    2 ** 29,
    1.5 * 2 ** 30,
    10,
    null,
    null,
    null,
  ]);
  expect(parseTmpfs("/tmp:rw,noexec,size=1m")).toEqual({
    target: "/tmp",
    size_bytes: 2 ** 20,
    mode: 0o1777,
    isExec: false,
  });
  expect(parseTmpfs("/work:mode=0700")?.mode).toBe(0o700);
  expect(parseTmpfs("/tmp:noexec,exec")?.isExec).toBe(true);
  expect(parseTmpfs("/tmp:exec,noexec")?.isExec).toBe(false);
  expect(parseTmpfs("/tmp:suid")).toBeNull();
  expect(parseUlimit("nofile=1:2")).toEqual({ Name: "nofile", Soft: 1, Hard: 2 });
  expect(parseUlimit("nofile")).toBeNull();
});
