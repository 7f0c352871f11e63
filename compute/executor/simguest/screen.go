// SPDX-License-Identifier: Apache-2.0

package simguest

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
)

// The picture of every simulated guest: a text screen's size, filled with the stripes of a barrier.
const (
	screenWidth, screenHeight = 720, 400
	stripe                    = 40
)

// Screen is a picture that nobody takes for a guest's.
func (g *Guest) Screen(context.Context) ([]byte, error) {
	picture := image.NewPaletted(image.Rect(0, 0, screenWidth, screenHeight), color.Palette{color.Black, color.RGBA{R: 255, G: 200, A: 255}})
	for y := range screenHeight {
		for x := range screenWidth {
			picture.SetColorIndex(x, y, uint8((x+y)/stripe%2))
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return nil, fmt.Errorf("draw simulated screen: %w", err)
	}
	return b.Bytes(), nil
}
