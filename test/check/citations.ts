import type { SourceFile } from "./sources.ts";

const designFolder = "shared/design/";
const section = /§(\d+(?:\.\d+)*)/g;
/**
 * The word before a section sign, also if a line break of a comment lies between. `jobs §3, §4 and §5` names `jobs`
 * only once.
 */
const wordBefore = /([\w.]+)[\s*#/-]+$/;
const goesOn = new Set(["and", "to"]);
const heading = /^#{2,4} (\d+(?:\.\d+)*)\.? /gm;

/** Finds citations of the design that lead to no heading, or do not have the form `jobs §3`. */
export function* unresolvedCitations(files: readonly SourceFile[]): Generator<string> {
  const headings = headingsOf(files);
  const known = [...headings.keys()].join(", ");
  for (const { path, text } of files) {
    let document = "";
    for (const match of text.matchAll(section)) {
      const [, number = ""] = match;
      const before = text.slice(Math.max(0, match.index - 80), match.index);
      // Sections of RFCs are not the design's: `RFC 9110 §13.1.2`, "RFC 8785 shows in its §3".
      if (/RFC \d+[^\n]*$/.test(before)) continue;
      const at = `${path}:${lineOf(text, match.index)}`;
      const word = wordBefore.exec(before)?.[1];
      if (word !== undefined && !goesOn.has(word)) document = word;
      const numbers = headings.get(document);
      if (document.endsWith(".md")) yield `${at}: write "${document.slice(0, -3)} §${number}", without .md`;
      else if (!numbers) yield `${at}: "${document} §${number}" is no document of ${designFolder} (${known})`;
      else if (!numbers.has(number))
        yield `${at}: "${document} §${number}" has no heading in ${designFolder}${document}.md`;
    }
    yield* unresolvedDecisions({ path, text }, files);
  }
}

function headingsOf(files: readonly SourceFile[]): Map<string, ReadonlySet<string>> {
  const documents = files.filter(({ path }) => path.startsWith(designFolder) && path.endsWith(".md"));
  return new Map(
    documents.flatMap(({ path, text }) => {
      const name = path.slice(designFolder.length, -".md".length);
      const numbers = new Set([...text.matchAll(heading)].map((match) => match[1] ?? ""));
      return numbers.size > 0 ? [[name, numbers] as const] : [];
    }),
  );
}

function* unresolvedDecisions({ path, text }: SourceFile, files: readonly SourceFile[]): Generator<string> {
  for (const match of text.matchAll(/\bdecision (\d{4})\b/g)) {
    const number = match[1] ?? "";
    if (files.some((file) => file.path.startsWith(`${designFolder}decisions/${number}-`))) continue;
    yield `${path}:${lineOf(text, match.index)}: there is no decision ${number} in ${designFolder}decisions`;
  }
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}
