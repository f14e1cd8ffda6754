import { useEffect, useState } from "preact/hooks";
import { readSnapshot, type Snapshot, TokenRefused, tokenStore } from "./api.ts";
import { ChallengeTable, EpochPanel, JobTable, NodeTable, Tiles, WeightPanel } from "./panels.tsx";
import { SignIn } from "./sign-in.tsx";

const refresh_ms = 3_000;

export function Dashboard() {
  const [token, setToken] = useState(tokenStore.read());
  const [snapshot, setSnapshot] = useState<Snapshot | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  const signOut = (reason: string | null) => {
    tokenStore.clear();
    setToken(null);
    setSnapshot(null);
    setProblem(reason);
  };

  useEffect(() => {
    if (token === null) return;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      try {
        const next = await readSnapshot(token);
        if (isOver) return;
        setSnapshot(next);
        setProblem(null);
      } catch (error) {
        if (isOver) return;
        if (error instanceof TokenRefused) return signOut(error.message);
        setProblem(`Not up to date: ${(error as Error).message}`);
      }
      timer = setTimeout(look, refresh_ms);
    };
    look();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [token]);

  if (token === null) {
    const signIn = (given: string) => {
      tokenStore.write(given);
      setProblem(null);
      setToken(given);
    };
    return <SignIn problem={problem} onToken={signIn} />;
  }
  return (
    <>
      <header>
        <h1>Platform</h1>
        {snapshot && <span class="muted">subnet {snapshot.status.netuid}</span>}
        <nav>
          <a href="/docs">API</a>
          <button type="button" onClick={() => signOut(null)}>
            Sign out
          </button>
        </nav>
      </header>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {snapshot ? <Overview snapshot={snapshot} /> : <p class="muted loading">Loading…</p>}
    </>
  );
}

function Overview({ snapshot }: { snapshot: Snapshot }) {
  return (
    <main>
      <Tiles snapshot={snapshot} />
      <ChallengeTable challenges={snapshot.challenges} />
      <div class="columns">
        <WeightPanel vector={snapshot.vector} problem={snapshot.vectorProblem} />
        <EpochPanel epochs={snapshot.epochs} />
      </div>
      <div class="columns">
        <JobTable jobs={snapshot.jobs} />
        <NodeTable nodes={snapshot.nodes} />
      </div>
      <footer class="muted">
        version {snapshot.status.version} ({snapshot.status.commit}), schema {snapshot.status.schema_version}
      </footer>
    </main>
  );
}
