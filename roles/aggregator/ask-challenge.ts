import { callChallenge } from "#shared/auth/challenge-call.ts";
import { BodyError, textWithin } from "#shared/http/bounded-body.ts";
import { type Challenge, internalBaseUrl } from "#shared/schemas/challenge.ts";
import { limits } from "#shared/schemas/limits.ts";
import { BadAnswerError, parseWeightsAnswer, type WeightsAnswer } from "./weights-answer.ts";

export type AskResult =
  | { readonly ok: true; readonly answer: WeightsAnswer }
  | { readonly ok: false; readonly error: string };

export interface AskOptions {
  readonly masterKey: string;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly answer_ms: number;
  readonly baseUrl?: (spec: Challenge["spec"]) => string;
}

/**
 * Asks a challenge for its weights (contract §1). It ends within `answer_ms` and never throws: a failure is a value. Its
 * sentence is published, so it quotes nothing of the challenge's answer.
 */
export async function askChallenge(challenge: Challenge, options: AskOptions): Promise<AskResult> {
  const signal = AbortSignal.timeout(options.answer_ms);
  try {
    const response = await send(challenge, options, signal);
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new BadAnswerError(`the challenge answered ${response.status}`);
    }
    const text = await textOf(response);
    return { ok: true, answer: parseWeightsAnswer(text, challenge.spec.slug) };
  } catch (error) {
    if (error instanceof BadAnswerError) return { ok: false, error: error.message };
    if (signal.aborted) return { ok: false, error: `no answer within ${options.answer_ms} ms` };
    return { ok: false, error: "the challenge cannot be reached" };
  }
}

async function send(challenge: Challenge, options: AskOptions, signal: AbortSignal): Promise<Response> {
  const { spec } = challenge;
  const url = `${(options.baseUrl ?? internalBaseUrl)(spec)}/internal/v1/get_weights`;
  const ask = (token: string) =>
    options.fetch(url, {
      headers: {
        authorization: `Bearer ${token}`,
        "x-platform-challenge-slug": spec.slug,
        accept: "application/json",
        "accept-encoding": "identity",
      },
      redirect: "manual",
      // A connection of the last epoch is often closed by now.
      keepalive: false,
      signal,
    });
  // A challenge that just restarted may have another address. Asking twice does no harm.
  const askTwice = (token: string) =>
    ask(token).catch((error: unknown) => {
      if (signal.aborted) throw error;
      return ask(token);
    });
  return await callChallenge(challenge, options.masterKey, askTwice, (answer) => answer.body?.cancel());
}

async function textOf({ body }: Response): Promise<string> {
  const { answer_bytes_max: bytes_max } = limits.weights;
  try {
    return await textWithin(body, { bytes_max });
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    throw new BadAnswerError(`the answer is larger than ${bytes_max} bytes`);
  }
}
