import { type Static, Type } from "@sinclair/typebox";

/** RFC 9457 problem details: the body of every error. Old clients read only `detail`. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: "about:blank, or a URI of the problem's documentation" }),
    title: Type.String({ description: "the status code's phrase" }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: "one clear sentence" }),
    code: Type.String({ description: "a stable machine-readable code" }),
    instance: Type.String({ description: "the request id" }),
  },
  { description: "a refusal or failure" },
);
export type Problem = Static<typeof Problem>;
