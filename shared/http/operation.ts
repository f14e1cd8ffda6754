import { type TSchema, Type } from "@sinclair/typebox";

const sentences: Readonly<Record<number, string>> = {
  400: "The request is not well-formed, or asks for what is not allowed.",
  401: "The token is missing, unknown, expired or revoked.",
  403: "The caller may not do this.",
  404: "There is no such thing.",
  408: "The request body did not arrive in time.",
  409: "The present state does not allow it.",
  413: "It is larger than what is taken.",
  422: "The request does not match its schema.",
  429: "There are too many now: try again later.",
  503: "It cannot be answered now.",
};

export interface Operation {
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** The request body by media type, for a route that reads the body by itself. */
  readonly body?: Readonly<Record<string, TSchema>>;
  /** Parameters in path, query and headers, for a route that reads them by itself. */
  readonly parameters?: readonly Parameter[];
  readonly answer?: TSchema;
  readonly status?: number;
  readonly contentType?: string;
  /** Further media types of the answer. */
  readonly alternatives?: Readonly<Record<string, TSchema>>;
  readonly refusals?: readonly number[];
  /** Public reads need no token. */
  readonly isPublic?: boolean;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly schema: TSchema;
}

/**
 * A route's part of the OpenAPI document, for Elysia's third argument. Answers are not checked against it at run time: the
 * contract tests do.
 */
export function operation({ tag, summary, description, status = 200, refusals = [], ...rest }: Operation) {
  const usual = rest.isPublic ? [400] : [400, 401, 403];
  const { body, parameters } = rest;
  return {
    detail: {
      tags: [tag],
      summary,
      ...(description ? { description } : {}),
      ...(rest.isPublic ? { security: [] } : {}),
      ...(body ? { requestBody: { required: true, content: contentOf(body) } } : {}),
      ...(parameters ? { parameters: parameters.map(describeParameter) } : {}),
      responses: {
        [status]: successOf(rest),
        ...Object.fromEntries([...usual, ...refusals].map((refusal) => [refusal, problemAnswer(refusal)])),
      },
    },
  };
}

function successOf({ answer, contentType = "application/json", alternatives = {} }: Partial<Operation>) {
  if (!answer) return { description: "done" };
  return { description: answer.description ?? "done", content: contentOf({ [contentType]: answer, ...alternatives }) };
}

function contentOf(schemas: Readonly<Record<string, TSchema>>) {
  return Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [type, { schema: plain(schema) }]));
}

function describeParameter({ name, in: place, schema }: Parameter) {
  const { description, ...rest } = plain(schema) as { description?: string };
  return { name, in: place, required: place === "path", ...(description ? { description } : {}), schema: rest };
}

function problemAnswer(status: number) {
  return {
    description: sentences[status] ?? "It failed.",
    content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
  };
}

/** A list's page: `{ items, next_cursor }`. */
export function PageOf(item: TSchema) {
  return Type.Object(
    {
      items: Type.Array(item),
      next_cursor: Type.Union([Type.String(), Type.Null()], {
        description: "send it as cursor to read on; null: the end",
      }),
    },
    { description: "one page" },
  );
}

/** The schema without TypeBox's own symbols. */
export function plain(schema: TSchema): Record<string, never> {
  return JSON.parse(JSON.stringify(schema));
}
