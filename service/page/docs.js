// Swagger UI of the service's OpenAPI document, in the theme and language that the user has chosen in the page.

const TEXTS = {
  en: { back: "Back to the page", light: "Light colours", dark: "Dark colours" },
  zh: { back: "返回页面", light: "浅色", dark: "深色" },
};
const preference = (name) => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage is disabled
  }
};
const system = matchMedia("(prefers-color-scheme: dark)");
const language = (preference("language") ?? navigator.language).startsWith("zh") ? "zh" : "en";
const button = document.querySelector("#theme");
const back = document.querySelector("#back");
let chosen = preference("theme");

function apply() {
  const dark = (chosen ?? (system.matches ? "dark" : "light")) === "dark";
  document.documentElement.classList.toggle("dark-mode", dark);
  document.documentElement.style.colorScheme = dark ? "dark" : "light";
  button.textContent = TEXTS[language][dark ? "light" : "dark"];
}

button.addEventListener("click", () => {
  chosen = document.documentElement.classList.contains("dark-mode") ? "light" : "dark";
  try {
    localStorage.setItem("theme", chosen);
  } catch {
    // storage is disabled
  }
  apply();
});
back.textContent = TEXTS[language].back;
back.lang = button.lang = language === "zh" ? "zh-Hans" : "en";
button.hidden = false;
system.addEventListener("change", apply);
apply();

SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  domNode: document.querySelector("#docs"),
  validatorUrl: null, // the badge would send the document to another host
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: true, // an API key outlives a reload
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
});
