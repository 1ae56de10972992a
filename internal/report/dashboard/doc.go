// Package dashboard keeps dashboards: panels on a grid, with the questions they ask of
// metrics, logs and items. It answers those questions for people who are signed in and
// for whoever holds a link, and reads the common parts of Grafana's dashboards.
package dashboard
