import { createRoot } from "react-dom/client";
import "uplot/dist/uPlot.min.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import "./styles/search.css";
import "./styles/trace.css";
import "./styles/panel.css";
import "./styles/lists.css";
import { App } from "./shell/App";

const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
