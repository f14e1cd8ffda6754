import { expect, test } from "bun:test";
import { catches } from "../../check/catches.ts";

const found = (text: string, path = "roles/a/b.ts") => [...catches([{ path, text }])];

test.each([
  ["without a binding", "try { act(); } catch { stop(); }"],
  ["with a binding that is not used", "try { act(); } catch (_) { stop(); }"],
  ["whose use stands outside", "try { act(); } catch (error) { stop(); }\nlog(error);"],
])("a catch %s is found, with its line", (_, text) => {
  expect(found(`// a comment\n${text}`)).toEqual([
    expect.stringContaining("roles/a/b.ts:2: a catch that does not look"),
  ]);
});

test.each([
  ["names what it expects", "try { act(); } catch (error) { if (!(error instanceof E)) throw error; }"],
  ["passes it on as a cause", "try { act(); } catch (cause) { throw new E('no', { cause }); }"],
])("a catch that %s is fine", (_, text) => {
  expect(found(text)).toEqual([]);
});

test("tests may catch blindly", () => {
  expect(found("try { act(); } catch { stop(); }", "test/unit/a.test.ts")).toEqual([]);
});
