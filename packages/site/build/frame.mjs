// What stands around every page: head, links to the others, search.

/** The pages of the playground, in the order of their links. */
export const places = [
  ["index.html", "One coin"],
  ["coins.html", "Three coins"],
  ["network.html", "A network"],
  ["digits.html", "Digits"],
  ["stories.html", "Stories"],
];

/** Other sections. */
const sections = [
  ["docs/index.html", "Docs"],
  ["api/index.html", "API"],
];

/** Scripts of the page's own folder, and WebAssembly; nothing from elsewhere, nothing inline. */
export const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** A text within HTML. */
export const escaped = (text) =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

/**
 * A whole page.
 * @param root the way from the page's folder to the site's: "./", "../"
 * @param head style sheets and scripts, as they are called where the page is
 */
export function frame({ title, description, root = "./", path, head, main, wide = false }) {
  const link = ([to, text]) => {
    const section = to.split("/")[0];
    const here = path === to || (to.includes("/") && path.startsWith(`${section}/`));
    return `<a href="${root}${to}"${here ? ' aria-current="page"' : ""}>${text}</a>`;
  };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="description" content="${escaped(description)}">
<title>${escaped(title)} · flipnet</title>
<link rel="icon" href="${root}icon.svg">
<script src="${root}theme.js"></script>
${head}
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header class="top">
<a class="brand" href="${root}index.html">flipnet</a>
<nav aria-label="Site">${[...places, ...sections].map(link).join("\n")}</nav>
<search data-search="${root}"><input type="search" id="search" placeholder="Search" aria-label="Search all pages" autocomplete="off"><div id="found" hidden></div></search>
<select class="theme" id="theme" aria-label="Theme" hidden><option value="">auto</option><option value="light">light</option><option value="dark">dark</option></select>
</header>
<main id="main"${wide ? ' class="wide-page"' : ""}>
${main}
</main>
<footer class="bottom"><p>flipnet: networks of neurons that flip coins, and the rules that train them. Nothing on this page is sent anywhere.</p></footer>
</body>
</html>
`;
}
