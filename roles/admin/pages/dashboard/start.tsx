import { render } from "preact";
import { Dashboard } from "./dashboard.tsx";

const root = document.getElementById("app");
if (root) render(<Dashboard />, root);
