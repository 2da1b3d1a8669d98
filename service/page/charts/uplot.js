// uPlot, whose minified form is a script that sets a global; its modules are twice as large.

export default globalThis.uPlot;
