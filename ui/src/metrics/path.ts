/** Not `/metrics`: there the server answers Prometheus scrapes of itself. */
export const metricsPath = "/metrics/list";
