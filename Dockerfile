# syntax=docker/dockerfile:1

# One image holds every program. It starts the worker; the others are started by
# naming them: docker run --entrypoint /producer sluice --help

FROM golang:1.26.8-alpine AS build
# What scratch lacks: the roots that a provider's certificate is checked with,
# and the time zones that a campaign's window is in.
RUN apk add --no-cache ca-certificates tzdata
WORKDIR /src
# The modules in a layer of their own: they change less often than the code.
COPY go.mod go.sum ./
RUN go mod download
COPY cmd ./cmd
COPY internal ./internal
# Static, because there is no libc in scratch; without symbols, to be small.
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags='-s -w' -o /out/ \
      ./cmd/producer ./cmd/worker ./cmd/receiver ./cmd/sandbox
# The receiver's spool, whose owner a new volume takes over.
RUN mkdir /spool

FROM scratch AS sluice
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo
COPY --from=build /out/producer /out/worker /out/receiver /out/sandbox /
COPY --from=build --chown=65532:65532 /spool /spool
# Nobody, by number: there is no /etc/passwd to look a name up in.
USER 65532:65532
# Relative paths of the senders and campaign files begin here.
WORKDIR /campaigns
EXPOSE 8070 8071 9090
ENTRYPOINT ["/worker"]
