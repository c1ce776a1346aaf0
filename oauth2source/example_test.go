package oauth2source_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"

	"golang.org/x/oauth2"

	"github.com/sftoken/sftoken/keys"
	"github.com/sftoken/sftoken/oauth2source"
	"github.com/sftoken/sftoken/refresh"
	"github.com/sftoken/sftoken/store/file"
)

// A program that takes an oauth2.TokenSource calls Salesforce with a login of the command line.
func Example() {
	ctx := context.Background()
	const dir = "/home/amelia/.local/share/sftoken"
	key, _, err := keys.Open(ctx, keys.Options{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	grants, err := file.Open(ctx, file.Options{Dir: dir, Key: key})
	if err != nil {
		log.Fatal(err)
	}
	defer grants.Close()
	engine := refresh.New(refresh.Options{Store: grants})
	defer engine.Close(ctx)

	source := oauth2source.TokenSource(ctx, engine, "prod")
	client := &http.Client{Transport: &oauth2.Transport{Source: source}} // not oauth2.NewClient: it keeps tokens for ever

	token, err := source.Token()
	if err != nil {
		log.Fatal(err)
	}
	answer, err := client.Get(token.Extra("instance_url").(string) + "/services/data/")
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	versions, err := io.ReadAll(answer.Body)
	fmt.Println(string(versions), err)
}
