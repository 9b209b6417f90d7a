// Before anything is painted: the theme that somebody chose here. See src/site.ts.
try {
  const theme = localStorage.getItem("flipnet-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {}
