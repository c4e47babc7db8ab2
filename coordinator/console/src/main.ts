// The console: its pages, and the address that chooses between them.

import { address, type Page } from "./page.ts";
import { askPage } from "./page/ask.ts";
import { clusterPage } from "./page/cluster.ts";
import { recordingPage } from "./page/recording.ts";
import { applyTheme, themeSwitch } from "./theme.ts";
import { startTips } from "./view/tip.ts";

applyTheme();
document.addEventListener("DOMContentLoaded", start);

function start(): void {
  const main = document.querySelector("main");
  const bar = document.querySelector("#switches");
  if (main === null || bar === null) return;
  bar.append(themeSwitch());
  startTips();
  const pages: Record<string, Page> = { "": askPage(), recording: recordingPage(), cluster: clusterPage() };
  let shown: Page | null = null;

  const show = (): void => {
    const { page: name, rest } = address(location.hash);
    const page = pages[name] ?? pages[""];
    if (page === undefined) return;
    shown?.leave();
    const isFirst = shown === null;
    shown = page;
    // The others are not in the document: no name is there twice.
    main.replaceChildren(page.element);
    document.title = `${page.title} · SpecFuse`;
    for (const link of document.querySelectorAll("nav a")) {
      const isHere = pages[address(link.getAttribute("href") ?? "").page] === page;
      if (isHere) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    page.enter(rest);
    if (!isFirst) {
      // A new page begins at its top, for the keyboard and for the ear as well.
      window.scrollTo(0, 0);
      main.focus({ preventScroll: true });
    }
  };
  window.addEventListener("hashchange", show);
  document.querySelector("#skip")?.addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  show();
}
