/** The value of a JSON text, or undefined when the text is not JSON. No JSON text means undefined. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
