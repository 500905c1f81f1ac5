"""Atlassian Compass over GraphQL: `POST /gateway/api/graphql`."""
