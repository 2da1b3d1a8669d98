// Swagger UI of the service's OpenAPI document.

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

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
