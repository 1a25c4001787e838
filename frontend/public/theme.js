// Runs before the first paint, as a file of its own, because the content security policy allows no inline script.
(function () {
  try {
    var theme = localStorage.getItem("dtq-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch (error) {
    // Storage is closed to this page: the system's preference decides.
  }
})();
