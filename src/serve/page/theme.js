// Before anything is painted: the theme that was chosen here. Without one the system's counts.
"use strict";
try {
  const chosen = localStorage.getItem("simctl-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser that keeps nothing shows the system's theme.
}
