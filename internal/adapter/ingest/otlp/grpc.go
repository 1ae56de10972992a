package otlp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // senders compress with it
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/mainstay-ops/mainstay/internal/core/errs"
	"github.com/mainstay-ops/mainstay/internal/core/signal"
)

const (
	// maxMessage is the largest message, decompressed.
	maxMessage = 32 << 20
	stopWithin = 3 * time.Second
)

// methods are the calls of the three services.
var methods = map[string]string{
	"/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": metricsPath,
	"/opentelemetry.proto.collector.logs.v1.LogsService/Export":       logsPath,
	"/opentelemetry.proto.collector.trace.v1.TraceService/Export":     tracesPath,
}

// raw hands messages through as bytes: they are read where those of HTTP are.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) ([]byte, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("otlp: cannot write %T", v)
	}
	return *b, nil
}

func (raw) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("otlp: cannot read into %T", v)
	}
	*b = append([]byte(nil), data...)
	return nil
}

// serveGRPC serves the port otlp_grpc until ctx ends.
func serveGRPC(ctx context.Context, env signal.Env, ln net.Listener) error {
	t := newTaker(env)
	s := grpc.NewServer(
		grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(t.call), grpc.MaxRecvMsgSize(maxMessage), grpc.MaxConcurrentStreams(100),
		grpc.ConnectionTimeout(10*time.Second), grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 10 * time.Minute}),
	)
	end := context.AfterFunc(ctx, func() {
		hard := time.AfterFunc(stopWithin, s.Stop)
		defer hard.Stop()
		s.GracefulStop()
	})
	defer end()
	err := s.Serve(ln)
	if ctx.Err() != nil || errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return err
}

// call answers one call.
func (t *taker) call(_ any, stream grpc.ServerStream) error {
	ctx := stream.Context()
	method, _ := grpc.MethodFromServerStream(stream)
	path, ok := methods[method]
	if !ok {
		return grpcstatus.Errorf(codes.Unimplemented, "%s is not served here.", method)
	}
	var addr net.Addr
	if p, ok := peer.FromContext(ctx); ok {
		addr = p.Addr
	}
	md, _ := metadata.FromIncomingContext(ctx)
	from, ok := t.env.Token(ctx, "otlp", token(md), addr)
	if !ok {
		return grpcstatus.Error(codes.Unauthenticated, "Send a valid token in the metadata \"authorization\": \"Bearer …\".")
	}
	var body []byte
	if err := stream.RecvMsg(&body); err != nil {
		return err
	}
	res, err := t.take(ctx, from, path, body, false)
	if err != nil {
		code, _ := rpcCode(err)
		return grpcstatus.Error(codes.Code(code), errs.Message(err))
	}
	out, err := res.MarshalProto()
	if err != nil {
		return grpcstatus.Error(codes.Internal, "The answer cannot be written.")
	}
	return stream.SendMsg(&out)
}

func token(md metadata.MD) string {
	for _, v := range md.Get("authorization") {
		if scheme, value, ok := strings.Cut(v, " "); ok && strings.EqualFold(scheme, "bearer") {
			return strings.TrimSpace(value)
		}
	}
	for _, name := range []string{"x-api-key", "api-key"} {
		for _, v := range md.Get(name) {
			return v
		}
	}
	return ""
}
