import { type Static, Type } from "@sinclair/typebox";

/** RFC 9457 problem details: the body of every error. Old clients read only `detail`. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: "about:blank, or a URI of the problem's documentation" }),
    title: Type.String({ description: "the reason phrase of the status code" }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: "one clear sentence" }),
    code: Type.String({ description: "a stable machine-readable code" }),
    instance: Type.String({ description: "the request id" }),
    rule: Type.Optional(
      Type.String({ description: "for a refused archive: the stable name of the rule that it broke" }),
    ),
    reason: Type.Optional(
      Type.String({ description: "for a refused archive: what is wrong, with the bound and the value" }),
    ),
    remedy: Type.Optional(Type.String({ description: "for a refused archive: what to do" })),
    position: Type.Optional(
      Type.Integer({ minimum: 1, description: "for a refused archive: number of the entry concerned, counted from 1" }),
    ),
    entry: Type.Optional(
      Type.String({ description: "for a refused archive: the entry's name in quotes, escaped and shortened" }),
    ),
  },
  { description: "a refusal or failure" },
);
export type Problem = Static<typeof Problem>;

/** The optional members of a problem. */
export type ProblemExtensions = Pick<Problem, "rule" | "reason" | "remedy" | "position" | "entry">;

/** A problem in one line for a person: its detail, then the place, the cause and the remedy, where they are known. */
export function problemSentence({ detail, position, entry, reason, remedy }: Partial<Problem>): string {
  const where = position === undefined ? "" : `entry ${position}${entry === undefined ? "" : ` ${entry}`}: `;
  if (reason === undefined || detail?.includes(reason)) return detail ?? "";
  return `${detail ?? "refused"}: ${where}${reason}${remedy === undefined ? "" : `. ${remedy}`}`;
}
