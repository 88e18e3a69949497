// Shows a greeting, which the variable VITE_GREETING replaces when the app is built, and the path of the page.

const greeting = import.meta.env.VITE_GREETING ?? "Hello from a front end";

document.querySelector("#app").textContent = `${greeting}, at ${location.pathname}`;
