import { ProblemError } from "#shared/http/problem.ts";
import { readJson } from "#shared/json/read-json.ts";
import { limits } from "#shared/schemas/limits.ts";

/** The whole body, read before anything is refused: an old client otherwise sees a broken pipe (contract §4). @throws ProblemError 413 */
export async function readText(request: Request): Promise<string> {
  const text = await request.text();
  if (text.length > limits.jobs.request_bytes_max)
    throw new ProblemError(413, "request_too_large", "The request body is too large.");
  return text;
}

/** The same, as JSON. @throws ProblemError 400 or 413 */
export function parseBody(text: string): unknown {
  const body = readJson(text);
  if (body === undefined) throw new ProblemError(400, "malformed_body", "The request body is not well-formed.");
  return body;
}
