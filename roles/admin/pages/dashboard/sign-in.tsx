import { useState } from "preact/hooks";

export function SignIn({ problem, onToken }: { problem: string | null; onToken: (token: string) => void }) {
  const [text, setText] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    if (text.trim() !== "") onToken(text.trim());
  };
  return (
    <form class="sign-in" onSubmit={submit}>
      <h1>Platform</h1>
      <p class="muted">
        An admin token shows the state of the platform. It stays in this tab and is forgotten with it.
      </p>
      <label for="token">Admin token</label>
      <input
        id="token"
        type="password"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <button type="submit">Show</button>
      <a href="/docs">API documentation</a>
    </form>
  );
}
